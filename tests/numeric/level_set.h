// The rounding rules as they are written, for any level set: the two neighbours of a value are found by
// search, and compared with it in exact arithmetic. Slow, and shares nothing with the code that it tests.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace kones {

class LevelSet {
 public:
  /// `levels` need not be sorted, and may repeat; levels and their midpoints must be exact in double.
  explicit LevelSet(std::vector<double> levels) : levels_(std::move(levels)) {
    std::sort(levels_.begin(), levels_.end());
    levels_.erase(std::unique(levels_.begin(), levels_.end()), levels_.end());
  }

  /// All +-(2^-m1 + ... + 2^-mk) with m1 .. mk in 0..max_shift.
  static LevelSet k_ones(int terms, int max_shift) {
    std::vector<double> sums = {0.0};
    for (int term = 0; term < terms; ++term) {
      std::vector<double> longer;
      for (const double sum : sums) {
        double power = 1.0;
        for (int shift = 0; shift <= max_shift; ++shift, power /= 2) longer.push_back(sum + power);
      }
      sums = LevelSet(std::move(longer)).levels_;
    }
    const std::vector<double> positive = sums;
    for (const double sum : positive) sums.push_back(-sum);
    return LevelSet(std::move(sums));
  }

  static LevelSet binary() { return LevelSet({-1.0, 1.0}); }

  /// Ascending.
  const std::vector<double>& levels() const { return levels_; }

  /// The closer level; a tie goes away from zero, and at zero to the positive level. x is no NaN, as below.
  float nearest(float x) const {
    const Neighbours around = neighbours(x);
    const double middle = (around.lower + around.upper) / 2;
    if (x == middle) return static_cast<float>(x < 0 ? around.lower : around.upper);
    return static_cast<float>(x < middle ? around.lower : around.upper);
  }

  /// The neighbour nearer to zero; between the smallest levels, the one with the sign of x.
  float truncate(float x) const {
    const Neighbours around = neighbours(x);
    if (x == around.lower) return x;
    if (around.lower < 0 && around.upper > 0) return static_cast<float>(x < 0 ? around.lower : around.upper);
    return static_cast<float>(around.lower > 0 ? around.lower : around.upper);
  }

  /// With what probability x is rounded up: (x - l) / (h - l), each operation rounded to float32. Computing
  /// one in double and rounding the result to float32 gives what the float32 operation gives, since 53 >= 2 *
  /// 24 + 2.
  double probability(float x) const {
    const Neighbours around = neighbours(x);
    if (around.lower == around.upper) return 0.0;
    const auto above = static_cast<float>(x - around.lower);
    const auto width = static_cast<float>(around.upper - around.lower);
    return static_cast<float>(static_cast<double>(above) / width);
  }

  /// The upper neighbour exactly when uniform < probability(x).
  float stochastic(float x, double uniform) const {
    const Neighbours around = neighbours(x);
    return static_cast<float>(uniform < probability(x) ? around.upper : around.lower);
  }

 private:
  struct Neighbours {
    double lower;
    double upper;
  };

  /// lower <= x < upper; outside the range, the end level twice.
  Neighbours neighbours(double x) const {
    if (x <= levels_.front()) return {levels_.front(), levels_.front()};
    if (x >= levels_.back()) return {levels_.back(), levels_.back()};
    const auto upper = std::upper_bound(levels_.begin(), levels_.end(), x);
    return {*(upper - 1), *upper};
  }

  std::vector<double> levels_;
};

}  // namespace kones
