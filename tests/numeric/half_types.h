// float16 and bfloat16 from their definitions: what each bit pattern is worth, and rounding by search among
// all of them. Shares nothing with kones/numeric/float16.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace kones {

/// A binary format of 16 bits: sign, exponent, fraction.
struct HalfType {
  int exponent_bits;
  int fraction_bits;

  int bias() const { return (1 << (exponent_bits - 1)) - 1; }

  /// The pattern of +infinity: the exponent all ones, the fraction zero.
  uint16_t infinity() const { return static_cast<uint16_t>(((1 << exponent_bits) - 1) << fraction_bits); }

  bool is_nan(uint16_t bits) const { return (bits & 0x7FFFu) > infinity(); }

  /// What a pattern that is no NaN is worth.
  double value(uint16_t bits) const {
    const int fraction = bits & ((1 << fraction_bits) - 1);
    const int exponent = (bits & 0x7FFF) >> fraction_bits;
    double magnitude;
    if ((bits & 0x7FFFu) == infinity()) {
      magnitude = std::numeric_limits<double>::infinity();
    } else if (exponent == 0) {
      magnitude = std::ldexp(fraction, 1 - bias() - fraction_bits);
    } else {
      magnitude = std::ldexp((1 << fraction_bits) + fraction, exponent - bias() - fraction_bits);
    }
    return (bits & 0x8000u) != 0 ? -magnitude : magnitude;
  }

  /// The values of the patterns 0 .. infinity(), ascending; in infinity's place the value that would follow
  /// the largest, since rounding treats it so.
  std::vector<double> magnitudes() const {
    std::vector<double> result;
    for (uint16_t bits = 0; bits < infinity(); ++bits) result.push_back(value(bits));
    result.push_back(std::ldexp(1.0, bias() + 1));
    return result;
  }
};

inline constexpr HalfType float16_type = {5, 10};
inline constexpr HalfType bfloat16_type = {8, 7};

/// Rounds a float32 that is no NaN to the nearest value of a type, ties to the even pattern.
class HalfRounding {
 public:
  explicit HalfRounding(const HalfType& type) : magnitudes_(type.magnitudes()) {}

  uint16_t operator()(float x) const {
    const double magnitude = std::fabs(static_cast<double>(x));
    const auto sign = static_cast<uint16_t>(std::signbit(x) ? 0x8000u : 0u);
    if (magnitude >= magnitudes_.back()) return static_cast<uint16_t>(sign | (magnitudes_.size() - 1));
    const auto upper = std::upper_bound(magnitudes_.begin(), magnitudes_.end(), magnitude);
    auto pattern = static_cast<uint16_t>(upper - magnitudes_.begin() - 1);
    const double middle = (*(upper - 1) + *upper) / 2;
    if (magnitude > middle || (magnitude == middle && pattern % 2 == 1)) ++pattern;
    return static_cast<uint16_t>(sign | pattern);
  }

 private:
  std::vector<double> magnitudes_;
};

}  // namespace kones
