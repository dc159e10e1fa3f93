// What the float16 and bfloat16 functions share: arithmetic in wider types with one rounding at the end.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace simt {

/// sum + error, |error| being at most half a unit in sum's last place, as a float32 rounded to odd: a value
/// between two float32 goes to the one whose last bit is set. Rounded from there to a type of at most 22 bits
/// it is rounded once (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE Trans.
/// Computers 57(4), 2008).
inline float round_to_odd(double sum, double error) {
  float nearest = static_cast<float>(sum);
  if (!std::isfinite(sum) || !std::isfinite(nearest)) return nearest;
  const double above = static_cast<double>(nearest) != sum ? static_cast<double>(nearest) - sum : -error;
  if (above == 0.0) return nearest;
  uint32_t bits;
  std::memcpy(&bits, &nearest, sizeof(bits));
  if (nearest == 0.0f) {
    bits = (sum < 0.0 ? 0x80000000u : 0u) | 1u;
  } else {
    const bool away_from_zero = (above > 0.0) == (nearest > 0.0f);
    if (away_from_zero) --bits;
    bits |= 1u;
  }
  std::memcpy(&nearest, &bits, sizeof(nearest));
  return nearest;
}

/// a b + c for operands of at most 11 bits, to be rounded once more.
inline float multiply_add_to_odd(float a, float b, float c) {
  const double product = static_cast<double>(a) * static_cast<double>(b);  // exact
  const double addend = c;
  const double sum = product + addend;
  const double added = sum - product;
  const double error = (product - (sum - added)) + (addend - added);
  return round_to_odd(sum, error);
}

inline float clamp_to_one(float x) {
  return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f;
}
inline float clamp_below_zero(float x) {
  return x < 0.0f ? 0.0f : x;
}

}  // namespace simt
