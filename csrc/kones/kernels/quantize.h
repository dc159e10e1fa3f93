// The elementwise quantizers on plain pointers. Formats and rules: kones/numeric.
#pragma once

#include <cstdint>

#include "kones/kernels/cpu_tier.h"
#include "kones/numeric/float16.h"
#include "kones/numeric/format.h"
#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"
#include "kones/numeric/ternary.h"

namespace kones::kernels {

/// What the elements of a slice are rounded to, and how.
struct Quantization {
  NumberFormat format;                    ///< any but ternary
  Rounding rounding = Rounding::nearest;  ///< one that the format has
  RandomStream stream;                    ///< for stochastic rounding
};

/// Where a quantizer notes which elements are inside a range, which its gradient passes: bit i (bit i mod 64
/// of word i / 64) = low <= x[i] <= high, in float32, for i in [0, count); the last word's other bits are 0.
/// NaN is outside.
struct RangeMask {
  uint64_t* words = nullptr;  ///< none: nothing is noted
  float low = 0.0f;
  float high = 0.0f;
};

/// How results are written.
enum class Stores {
  cached,     ///< as usual
  streaming,  ///< past the caches: faster for tensors that are larger than they are
};

/// Rounds elements first_element .. first_element + count - 1 of a tensor, in row-major order; x and y point
/// at the first of them and may be the same. T is float, Float16 or BFloat16.
template <typename T>
void quantize(const T* x, T* y, int64_t count, const Quantization& quantization, int64_t first_element,
              RangeMask mask = {}, Stores stores = Stores::cached, CpuTier tier = cpu_tier());

/// Ternarizes `count` elements; x and y may be the same.
template <typename T>
void ternarize(const T* x, T* y, int64_t count, TernaryScales scales, Stores stores = Stores::cached,
               CpuTier tier = cpu_tier());

/// Clamps x to [low, high] in place; NaN stays. Where nothing is outside, nothing is written: a pass over
/// weights after a step, few of which have left their range, costs reading alone.
void clamp_in_place(float* x, int64_t count, float low, float high, CpuTier tier = cpu_tier());

/// y[i] = low <= x[i] <= high, in float32, ? gradient[i] : 0. gradient and y may be the same.
template <typename T>
void range_gradient(const T* gradient, const T* x, T* y, int64_t count, float low, float high,
                    CpuTier tier = cpu_tier());

/// y[i] = mask bit i ? gradient[i] : 0. gradient and y may be the same.
template <typename T>
void apply_mask(const T* gradient, const uint64_t* mask, T* y, int64_t count, CpuTier tier = cpu_tier());

}  // namespace kones::kernels
