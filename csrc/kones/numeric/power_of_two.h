// Powers of two: the levels +-2^e with min_exponent <= e <= max_exponent, and 0 where the format has a zero.
// Without zero, exponents -7..0 are LightNN-1 (Ding, Liu, Blanton and Marculescu, "Quantized Deep Neural
// Networks for Energy Efficient Hardware-based Inference", table 1) and DeepShift-Q's 4-bit weights
// (Elhoushi, Chen, Shafiq, Tian and Li, "DeepShift", 2021, section 3); with zero they are the level set of
// INQ (Zhou, Yao, Guo, Xu and Chen, "Incremental Network Quantization", ICLR 2017, section 2.1).
//
// Exponents are -126..126, so that a level, its reciprocal and the distance between the two levels around
// zero are normal float32 numbers, and every product with them is exact.
#pragma once

#include <cstdint>

#include "kones/numeric/bits.h"
#include "kones/numeric/host_device.h"

namespace kones {

inline constexpr int power_of_two_min_exponent = -126;
inline constexpr int power_of_two_max_exponent = 126;

/// The parameters of one level set.
struct PowerOfTwoRange {
  int min_exponent;
  int max_exponent;
  bool zero;
};

/// |x| clamped to [2^min_exponent, 2^max_exponent], as the bits of a float32; for any x but NaN.
KONES_HOST_DEVICE uint32_t power_of_two_clamped_bits(float x, PowerOfTwoRange range) {
  const uint32_t bits = float_to_bits(x) & 0x7FFFFFFFu;
  const uint32_t smallest = static_cast<uint32_t>(range.min_exponent + 127) << 23;
  const uint32_t largest = static_cast<uint32_t>(range.max_exponent + 127) << 23;
  const uint32_t above = bits > smallest ? bits : smallest;
  return above < largest ? above : largest;
}

/// The level of `magnitude` with the sign of x, or +0 where |x| < zero_below in a level set with zero; NaN
/// for NaN.
KONES_HOST_DEVICE float power_of_two_signed(float x, float magnitude, float zero_below,
                                            PowerOfTwoRange range) {
  const float level = x < 0.0f ? -magnitude : magnitude;
  const float absolute = x < 0.0f ? -x : x;
  const bool is_zero = range.zero && absolute < zero_below;
  const float result = is_zero ? 0.0f : level;
  return x == x ? result : x;
}

/// Rounds to the nearest level, ties away from zero; clamps outside the level set; NaN for NaN.
KONES_HOST_DEVICE float power_of_two_nearest(float x, PowerOfTwoRange range) {
  // Half of the distance to the next power is half of the mantissa's range: adding it carries into the
  // exponent.
  const uint32_t rounded = (power_of_two_clamped_bits(x, range) + 0x00400000u) & 0x7F800000u;
  const float half = exp2_integer(range.min_exponent) * 0.5f;
  return power_of_two_signed(x, float_from_bits(rounded), half, range);
}

/// The power of two that is not above |x|, with the sign of x; below the smallest, zero or, without one, the
/// smallest.
KONES_HOST_DEVICE float power_of_two_truncate(float x, PowerOfTwoRange range) {
  const uint32_t kept = power_of_two_clamped_bits(x, range) & 0x7F800000u;
  return power_of_two_signed(x, float_from_bits(kept), exp2_integer(range.min_exponent), range);
}

/// The smallest mantissa of a float32 above sqrt(2): no float32 is sqrt(2) itself, so log2 |x| is never
/// halfway.
inline constexpr uint32_t mantissa_above_sqrt2 = 0x003504F4u;

/// Rounds the logarithm, 2^round(log2 |x|), as DeepShift-Q and Ristretto do; what would round to an exponent
/// below min_exponent is zero or, without one, the smallest level. Clamps; NaN for NaN.
KONES_HOST_DEVICE float power_of_two_nearest_log(float x, PowerOfTwoRange range) {
  const uint32_t rounded =
      (power_of_two_clamped_bits(x, range) + (0x00800000u - mantissa_above_sqrt2)) & 0x7F800000u;
  // 2^(min_exponent - 1) * sqrt(2), rounded up to a float32.
  const float zero_below =
      exp2_integer(range.min_exponent) * 0.5f * float_from_bits(0x3F800000u | mantissa_above_sqrt2);
  return power_of_two_signed(x, float_from_bits(rounded), zero_below, range);
}

/// Picks the upper neighbour by value when uniform < (x - lower) / (upper - lower), else the lower one;
/// clamps outside the level set; NaN for NaN. `uniform` is in [0, 1).
KONES_HOST_DEVICE float power_of_two_stochastic(float x, PowerOfTwoRange range, float uniform) {
  const float smallest = exp2_integer(range.min_exponent);
  const float largest = exp2_integer(range.max_exponent);
  const float absolute = x < 0.0f ? -x : x;
  const bool around_zero = absolute < smallest;
  const float near = float_from_bits(power_of_two_clamped_bits(x, range) & 0x7F800000u);
  // The neighbours of |x|: near and far, or 0 and the smallest level; without zero, minus and plus the
  // smallest.
  const float inner = around_zero ? (range.zero ? 0.0f : -smallest) : near;
  const float outer = around_zero ? smallest : 2.0f * near;
  const float lower = x < 0.0f ? -outer : inner;
  const float upper = x < 0.0f ? -inner : outer;
  // The distance is a power of two, or 2 * smallest: multiplying by its reciprocal is the division, exactly.
  const float reciprocal = float_from_bits(0x7F000000u - float_to_bits(around_zero ? smallest : near));
  const float fraction = (x - lower) * reciprocal;
  const float probability = around_zero && !range.zero ? 0.5f * fraction : fraction;
  const float between = uniform < probability ? upper : lower;
  const float end = x < 0.0f ? -largest : largest;
  // + 0: the level 0 is chosen as -inner for a negative x.
  const float result = (absolute >= largest ? end : between) + 0.0f;
  return x == x ? result : x;
}

/// Bits of the exponent's part of a code: max_exponent - e, and one more value for zero.
KONES_HOST_DEVICE int power_of_two_shift_bits(PowerOfTwoRange range) {
  const int values = range.max_exponent - range.min_exponent + (range.zero ? 2 : 1);
  int bits = 0;
  while ((1 << bits) < values) ++bits;
  return bits;
}

/// The code of `level` * 2^min_exponent, which must be of the level set: the sign, then max_exponent - e.
/// Zero has the sign 0 and, in place of a shift, one more than the largest.
inline uint32_t power_of_two_encode(int32_t level, PowerOfTwoRange range) {
  const int shift_bits = power_of_two_shift_bits(range);
  const int largest_shift = range.max_exponent - range.min_exponent;
  if (level == 0) return static_cast<uint32_t>(largest_shift + 1);
  int exponent = 0;
  while ((int64_t{1} << exponent) < (level < 0 ? -int64_t{level} : int64_t{level})) ++exponent;
  return (level < 0 ? 1u << shift_bits : 0u) | static_cast<uint32_t>(largest_shift - exponent);
}

/// The level of a code, in units of 2^min_exponent. A shift above the largest means zero, or without zero the
/// smallest level.
inline int32_t power_of_two_decode(uint32_t code, PowerOfTwoRange range) {
  const int shift_bits = power_of_two_shift_bits(range);
  const int largest_shift = range.max_exponent - range.min_exponent;
  const int shift = static_cast<int>(code & ((1u << shift_bits) - 1u));
  if (shift > largest_shift && range.zero) return 0;
  const int32_t magnitude = int32_t{1} << (shift < largest_shift ? largest_shift - shift : 0);
  return ((code >> shift_bits) & 1u) != 0 ? -magnitude : magnitude;
}

}  // namespace kones
