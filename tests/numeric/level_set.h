// The rounding rules as they are written, for any level set: the two neighbours of a value are found by
// search, and compared with it in exact arithmetic. Slow, and shares nothing with the code that it tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace kones {

class LevelSet {
 public:
  /// Ties go away from zero and truncation toward it, or up and down.
  enum class Kind { sign_magnitude, twos_complement };

  /// `levels` need not be sorted, and may repeat; levels and their midpoints must be exact in double.
  explicit LevelSet(std::vector<double> levels, Kind kind = Kind::sign_magnitude)
      : levels_(std::move(levels)), kind_(kind) {
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

  /// +-2^e with e in min_exponent..max_exponent, and 0.
  static LevelSet power_of_two(int min_exponent, int max_exponent, bool zero) {
    std::vector<double> levels;
    if (zero) levels.push_back(0.0);
    for (int exponent = min_exponent; exponent <= max_exponent; ++exponent) {
      levels.push_back(std::ldexp(1.0, exponent));
      levels.push_back(-std::ldexp(1.0, exponent));
    }
    return LevelSet(std::move(levels));
  }

  /// Multiples of 2^-fraction_bits that integer_bits + fraction_bits bits hold.
  static LevelSet fixed_point(int integer_bits, int fraction_bits, bool is_signed) {
    const double step = std::ldexp(1.0, -fraction_bits);
    const double end = std::ldexp(1.0, is_signed ? integer_bits - 1 : integer_bits);
    std::vector<double> levels;
    for (double level = is_signed ? -end : 0.0; level < end; level += step) levels.push_back(level + 0.0);
    return LevelSet(std::move(levels), Kind::twos_complement);
  }

  static LevelSet binary() { return LevelSet({-1.0, 1.0}); }

  /// Ascending.
  const std::vector<double>& levels() const { return levels_; }

  /// The closer level; a tie goes away from zero, and at zero to the positive level. x is no NaN, as below.
  float nearest(float x) const {
    const Neighbours around = neighbours(x);
    const double middle = (around.lower + around.upper) / 2;
    if (x == middle) {
      return static_cast<float>(x < 0 && kind_ == Kind::sign_magnitude ? around.lower : around.upper);
    }
    return static_cast<float>(x < middle ? around.lower : around.upper);
  }

  /// The neighbour nearer to zero, or of two equally near the one with the sign of x; of two's complement the
  /// lower.
  float truncate(float x) const {
    const Neighbours around = neighbours(x);
    if (x == around.lower || kind_ == Kind::twos_complement) return static_cast<float>(around.lower);
    const double from_below = std::fabs(around.lower);
    const double from_above = std::fabs(around.upper);
    if (from_below == from_above) return static_cast<float>(x < 0 ? around.lower : around.upper);
    return static_cast<float>(from_below < from_above ? around.lower : around.upper);
  }

  /// Of powers of two: 2^e with e the integer closest to log2 |x|, which is never halfway; below the smallest
  /// level zero or, without one, that level. 2^(e + 1/2) is compared with in squares, which are exact in
  /// double for these x.
  float nearest_log(float x) const {
    const double largest = levels_.back();
    const double magnitude = std::fabs(static_cast<double>(x));
    const auto zero = std::find(levels_.begin(), levels_.end(), 0.0);
    const double smallest = *std::upper_bound(levels_.begin(), levels_.end(), 0.0);
    double level = smallest / 2;
    while (level < largest && magnitude / level * (magnitude / level) > 2) level *= 2;
    if (level < smallest) level = zero != levels_.end() ? 0.0 : smallest;
    return static_cast<float>(x < 0 && level != 0 ? -level : level);
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
  Kind kind_;
};

}  // namespace kones
