// k-ones: sums of exactly k powers of two, +-(2^-m1 + ... + 2^-mk) with 0 <= m <= max_shift; the terms may
// repeat and there is no zero (LightNN: Ding, Liu, Blanton and Marculescu, "Quantized Deep Neural Networks
// for Energy Efficient Hardware-based Inference", section IV and table 1). k = 1, max_shift = 7 is LightNN-1;
// k = 2 is LightNN-2.
//
// Everything here works in units of the grid 2^-max_shift, where levels are integers and float32 arithmetic
// is exact.
#pragma once

#include <cstdint>

#include "kones/numeric/bits.h"
#include "kones/numeric/host_device.h"
#include "kones/numeric/power_of_two.h"

namespace kones {

inline constexpr int k_ones_max_terms = 4;
inline constexpr int k_ones_max_max_shift = 15;

/// The two adjacent levels around a magnitude, lower and lower + step, in grid units. The step is a power of
/// two.
struct KOnesBracket {
  float lower;
  float step;
};

/// The neighbours of a magnitude in [k, k * 2^max_shift], k > 1, all in grid units: lower <= magnitude <
/// lower + step, or lower = magnitude at the end. The lower one keeps the k largest powers of two of the
/// magnitude. If it needs all k of them, the next level is one more of its smallest; if it needs fewer, every
/// integer step up is a level.
template <int Terms>
KONES_HOST_DEVICE KOnesBracket k_ones_bracket(float magnitude, float largest_term) {
  float kept = 0.0f;
  float rest = magnitude;
  float step = 1.0f;
  for (int term = 0; term < Terms; ++term) {
    const float power = power_of_two_floor(rest);
    // What is left for the last term is not above the largest; what the first one finds is at least 1.
    const float capped = term + 1 < Terms && power > largest_term ? largest_term : power;
    const bool used = term == 0 || rest >= 1.0f;
    step = used ? capped : 1.0f;
    const float taken = used ? capped : 0.0f;
    kept += taken;
    rest -= taken;
  }
  return {kept, step};
}

/// a / 3, rounded to nearest even, for normal a from 2^-30 to 16. Devices have no instruction for it; a
/// product with the rounded reciprocal, corrected by its exact remainder, is the same for each of these
/// numbers.
KONES_HOST_DEVICE float third_of(float a) {
#if defined(__CUDA_ARCH__)
  constexpr float reciprocal = 1.0f / 3.0f;
  const float estimate = a * reciprocal;
  return __fmaf_rn(__fmaf_rn(-3.0f, estimate, a), reciprocal, estimate);
#else
  return a / 3.0f;
#endif
}

/// Rounds to the nearest level, ties away from zero; clamps outside the level set; NaN for NaN.
template <int Terms>
KONES_HOST_DEVICE float k_ones_nearest(float x, int max_shift) {
  if constexpr (Terms == 1) return power_of_two_nearest(x, {-max_shift, 0, false});
  const float largest_term = exp2_integer(max_shift);
  const float smallest = static_cast<float>(Terms);
  const float largest = smallest * largest_term;
  const float scaled = (x < 0.0f ? -x : x) * largest_term;
  const float above_smallest = scaled > smallest ? scaled : smallest;
  const float magnitude = above_smallest < largest ? above_smallest : largest;
  const KOnesBracket bracket = k_ones_bracket<Terms>(magnitude, largest_term);
  // The bracket of the largest level begins at it: nothing is added there.
  const bool up = 2.0f * (magnitude - bracket.lower) >= bracket.step;
  const float level = (up ? bracket.lower + bracket.step : bracket.lower) * exp2_integer(-max_shift);
  const float result = x < 0.0f ? -level : level;
  return x == x ? result : x;
}

/// Keeps the k largest powers of two (toward zero); below the smallest level, that level; NaN for NaN.
template <int Terms>
KONES_HOST_DEVICE float k_ones_truncate(float x, int max_shift) {
  if constexpr (Terms == 1) return power_of_two_truncate(x, {-max_shift, 0, false});
  const float largest_term = exp2_integer(max_shift);
  const float smallest = static_cast<float>(Terms);
  const float largest = smallest * largest_term;
  const float scaled = (x < 0.0f ? -x : x) * largest_term;
  const float above_smallest = scaled > smallest ? scaled : smallest;
  const float magnitude = above_smallest < largest ? above_smallest : largest;
  const float level = k_ones_bracket<Terms>(magnitude, largest_term).lower * exp2_integer(-max_shift);
  const float result = x < 0.0f ? -level : level;
  return x == x ? result : x;
}

/// Picks the upper neighbour by value when uniform < (x - lower) / (upper - lower), else the lower one
/// (section IV.B); clamps outside the level set; NaN for NaN. `uniform` is in [0, 1).
template <int Terms>
KONES_HOST_DEVICE float k_ones_stochastic(float x, int max_shift, float uniform) {
  if constexpr (Terms == 1) return power_of_two_stochastic(x, {-max_shift, 0, false}, uniform);
  const float largest_term = exp2_integer(max_shift);
  const float unit = exp2_integer(-max_shift);
  const float smallest = static_cast<float>(Terms);
  const float largest = smallest * largest_term;
  const float scaled = (x < 0.0f ? -x : x) * largest_term;
  const bool around_zero = scaled < smallest;
  const bool outside = scaled >= largest;
  const float inside = around_zero ? smallest : (outside ? largest : scaled);
  const KOnesBracket bracket = k_ones_bracket<Terms>(inside, largest_term);
  const float near = bracket.lower * unit;
  const float far = (bracket.lower + bracket.step) * unit;
  const float lower = around_zero ? -near : (x < 0.0f ? -far : near);
  const float upper = around_zero ? near : (x < 0.0f ? -near : far);
  // (x - lower) / (upper - lower). The distance is a power of two, but for k = 3 around zero, and multiplying
  // by its reciprocal is the division, exactly.
  const float above = x - lower;
  const float reciprocal = float_from_bits(0x7F000000u - float_to_bits(bracket.step)) * largest_term;
  const float in_units = above * (largest_term * (0.5f / (Terms == 3 ? 1 : Terms)));
  const float across = Terms == 3 ? third_of(in_units) : in_units;
  const float probability = around_zero ? across : above * reciprocal;
  const float between = uniform < probability ? upper : lower;
  const float end = x < 0.0f ? -near : near;
  const float result = outside ? end : between;
  return x == x ? result : x;
}

/// Bits of one term's shift in a code.
KONES_HOST_DEVICE int k_ones_shift_bits(int max_shift) {
  int bits = 0;
  while ((1 << bits) <= max_shift) ++bits;
  return bits;
}

/// Bits of a code: the sign, then the shifts m1 .. mk from high to low, smallest shift (largest term) first.
KONES_HOST_DEVICE int k_ones_code_bits(int terms, int max_shift) {
  return 1 + terms * k_ones_shift_bits(max_shift);
}

/// Whether `magnitude`, in grid units, is a sum of exactly `terms` powers of two, each at most 2^max_shift:
/// it has at least as many ones as its shortest such sum, and at most as many as there are units (any power
/// above 1 splits in two).
KONES_HOST_DEVICE bool k_ones_representable(uint32_t magnitude, int terms, int max_shift) {
  int shortest = static_cast<int>(magnitude >> max_shift);
  for (uint32_t low = magnitude & ((1u << max_shift) - 1u); low != 0; low &= low - 1) ++shortest;
  return shortest <= terms && static_cast<uint32_t>(terms) <= magnitude;
}

/// The code of the level `level` * 2^-max_shift, which must be one of the level set. Where several sums give
/// the level, the one with the largest terms first is used.
inline uint32_t k_ones_encode(int32_t level, int terms, int max_shift) {
  const int shift_bits = k_ones_shift_bits(max_shift);
  uint32_t code = level < 0 ? 1u : 0u;
  uint32_t rest = static_cast<uint32_t>(level < 0 ? -level : level);
  for (int term = terms; term > 0; --term) {
    int exponent = max_shift;
    while (exponent > 0 &&
           !((1u << exponent) <= rest &&
             (term == 1 ? rest == (1u << exponent)
                        : k_ones_representable(rest - (1u << exponent), term - 1, max_shift)))) {
      --exponent;
    }
    rest -= 1u << exponent;
    code = (code << shift_bits) | static_cast<uint32_t>(max_shift - exponent);
  }
  return code;
}

/// The level of a code, in grid units of 2^-max_shift. A shift above max_shift in the code counts as
/// max_shift.
inline int32_t k_ones_decode(uint32_t code, int terms, int max_shift) {
  const int shift_bits = k_ones_shift_bits(max_shift);
  const uint32_t mask = (1u << shift_bits) - 1u;
  int32_t magnitude = 0;
  for (int term = 0; term < terms; ++term) {
    const int shift = static_cast<int>((code >> (shift_bits * term)) & mask);
    magnitude += 1 << (max_shift - (shift < max_shift ? shift : max_shift));
  }
  return ((code >> (shift_bits * terms)) & 1u) != 0 ? -magnitude : magnitude;
}

}  // namespace kones
