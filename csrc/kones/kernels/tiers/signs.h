// What each tier provides for packed signs (kones/kernels/signs.h).
#pragma once

#include <cstdint>

#include "kones/kernels/cpu_tier.h"
#include "kones/numeric/float16.h"

namespace kones::kernels {

/// Element c of pixel p is x[p * pixel_stride + c * channel_stride], and its bit in words[p * word_stride + c
/// / 64]. y is laid out like x. One of the strides is 1 where that is fast.
template <typename T>
struct SignFunctions {
  /// words: x < 0; inside, unless null: -1 <= x <= 1.
  void (*pack)(const T* x, int64_t pixels, int64_t pixel_stride, int64_t channels, int64_t channel_stride,
               uint64_t* words, uint64_t* inside, int64_t word_stride);
  /// y = bit ? -1 : 1.
  void (*unpack)(const uint64_t* words, int64_t word_stride, int64_t pixels, int64_t pixel_stride,
                 int64_t channels, int64_t channel_stride, T* y);
  /// y = bit ? gradient : 0.
  void (*apply_mask)(const T* gradient, const uint64_t* words, int64_t word_stride, int64_t pixels,
                     int64_t pixel_stride, int64_t channels, int64_t channel_stride, T* y);
};

struct SignTier {
  SignFunctions<float> float32;
  SignFunctions<Float16> float16;
  SignFunctions<BFloat16> bfloat16;
};

/// The functions that `tier` uses.
const SignTier& sign_tier(CpuTier tier);

extern const SignTier signs_scalar;
extern const SignTier signs_avx2;
extern const SignTier signs_avx512;

}  // namespace kones::kernels
