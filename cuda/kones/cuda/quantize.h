// The elementwise quantizers on a CUDA device. Formats and rules: kones/numeric.
#pragma once

#include <cstdint>

#include "kones/cuda/stream.h"
#include "kones/numeric/float16.h"
#include "kones/numeric/format.h"
#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"
#include "kones/numeric/ternary.h"

namespace kones::cuda {

/// Where a quantizer notes which elements are inside a range: bit i mod 8 of byte i / 8, which in memory is
/// kones::kernels::RangeMask's order of bits; the last byte's other bits are 0.
struct RangeMask {
  uint8_t* bytes = nullptr;  ///< in device memory; none: nothing is noted
  float low = 0.0f;
  float high = 0.0f;
};

/// Rounds `count` elements at the device pointer x to y, which may be x, on `stream`. T is float, Float16 or
/// BFloat16; the format is any but ternary, the rounding one that it has. A mask is for binary and fixed
/// point, whose gradients have a range (others do not look at it): x and y are then aligned to 16 bytes, and
/// (count + 7) / 8 bytes are written. The bits are those of kones::kernels::quantize. Throws
/// std::runtime_error when the launch is refused.
template <typename T>
void quantize(const T* x, T* y, int64_t count, const NumberFormat& format, Rounding rounding,
              RandomStream random, RangeMask mask, Stream stream);

/// Ternarizes `count` elements; as quantize.
template <typename T>
void ternarize(const T* x, T* y, int64_t count, TernaryScales scales, Stream stream);

/// y[i] = low <= x[i] <= high, in float32, ? gradient[i] : 0 for i in [0, count). gradient and y may be the
/// same.
template <typename T>
void range_gradient(const T* gradient, const T* x, T* y, int64_t count, float low, float high, Stream stream);

/// y[i] = mask bit i ? gradient[i] : 0 for i in [0, count). gradient and y may be the same; both are aligned
/// to 16 bytes.
template <typename T>
void apply_mask(const T* gradient, const uint8_t* mask, T* y, int64_t count, Stream stream);

}  // namespace kones::cuda
