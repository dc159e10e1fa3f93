// Fixed point [IL, FL]: multiples of 2^-FL in IL + FL bits, two's complement with the sign inside IL, or
// unsigned (Gupta, Agrawal, Gopalakrishnan and Narayanan, "Deep Learning with Limited Numerical Precision",
// ICML 2015, section 3). IL and FL may be negative; IL + FL is 1..24, so that every level is a float32.
#pragma once

#include <cstdint>

#include "kones/numeric/bits.h"
#include "kones/numeric/host_device.h"

namespace kones {

inline constexpr int fixed_point_max_bits = 24;
inline constexpr int fixed_point_max_exponent = 126;

/// The parameters of one level set.
struct FixedPointRange {
  int integer_bits;
  int fraction_bits;
  bool is_signed;
};

/// The smallest and the largest level, in units of 2^-fraction_bits.
KONES_HOST_DEVICE int32_t fixed_point_min_level(FixedPointRange range) {
  return range.is_signed ? -(1 << (range.integer_bits + range.fraction_bits - 1)) : 0;
}

KONES_HOST_DEVICE int32_t fixed_point_max_level(FixedPointRange range) {
  return (1 << (range.integer_bits + range.fraction_bits - (range.is_signed ? 1 : 0))) - 1;
}

/// The same range as float32 numbers, as the quantizers use it.
struct FixedPointGrid {
  float units;     ///< steps in 1: 2^fraction_bits
  float step;      ///< 2^-fraction_bits
  float smallest;  ///< the smallest and the largest level, in steps
  float largest;
};

KONES_HOST_DEVICE FixedPointGrid fixed_point_grid(FixedPointRange range) {
  return {exp2_integer(range.fraction_bits), exp2_integer(-range.fraction_bits),
          static_cast<float>(fixed_point_min_level(range)), static_cast<float>(fixed_point_max_level(range))};
}

/// x in steps, clamped to the levels' range; NaN becomes the smallest.
KONES_HOST_DEVICE float fixed_point_clamped(float x, FixedPointGrid grid) {
  const float scaled = x * grid.units;
  const float above = scaled > grid.smallest ? scaled : grid.smallest;
  return above < grid.largest ? above : grid.largest;
}

/// The largest integer that is not above `value`, for |value| <= 2^24.
KONES_HOST_DEVICE float floor_of_small(float value) {
  const float toward_zero = static_cast<float>(static_cast<int32_t>(value));
  return toward_zero - (toward_zero > value ? 1.0f : 0.0f);
}

/// The level of an integer number of steps; a zero is +0, and NaN stays NaN.
KONES_HOST_DEVICE float fixed_point_level(float x, float steps, FixedPointGrid grid) {
  const float result = steps * grid.step + 0.0f;
  return x == x ? result : x;
}

/// floor(x / step + 1/2) steps, as in exact arithmetic: ties go up; clamps; NaN for NaN.
KONES_HOST_DEVICE float fixed_point_nearest(float x, FixedPointGrid grid) {
  const float scaled = fixed_point_clamped(x, grid);
  const float below = floor_of_small(scaled);
  return fixed_point_level(x, below + (scaled - below >= 0.5f ? 1.0f : 0.0f), grid);
}

/// floor(x / step) steps; clamps; NaN for NaN.
KONES_HOST_DEVICE float fixed_point_truncate(float x, FixedPointGrid grid) {
  const float scaled = fixed_point_clamped(x, grid);
  // A negative x so small that scaling made it -0 is below zero all the same, where there are levels below
  // zero.
  const float vanished = x < 0.0f && scaled == 0.0f && grid.smallest < 0.0f ? 1.0f : 0.0f;
  return fixed_point_level(x, floor_of_small(scaled) - vanished, grid);
}

/// Picks the upper neighbour by value when uniform < (x - lower) / (upper - lower), else the lower one;
/// clamps; NaN for NaN. `uniform` is in [0, 1).
KONES_HOST_DEVICE float fixed_point_stochastic(float x, FixedPointGrid grid, float uniform) {
  const float scaled = fixed_point_clamped(x, grid);
  const float below = floor_of_small(scaled);
  // In steps, where the subtraction rounds as it does in units of one: a step is a power of two.
  return fixed_point_level(x, below + (uniform < scaled - below ? 1.0f : 0.0f), grid);
}

/// The code of a level: its low integer_bits + fraction_bits bits.
inline uint32_t fixed_point_encode(int32_t level, FixedPointRange range) {
  return static_cast<uint32_t>(level) & ((1u << (range.integer_bits + range.fraction_bits)) - 1u);
}

inline int32_t fixed_point_decode(uint32_t code, FixedPointRange range) {
  const int bits = range.integer_bits + range.fraction_bits;
  const bool negative = range.is_signed && ((code >> (bits - 1)) & 1u) != 0;
  return static_cast<int32_t>(code) - (negative ? int32_t{1} << bits : 0);
}

}  // namespace kones
