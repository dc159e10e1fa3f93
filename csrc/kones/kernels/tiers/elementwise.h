// What each tier provides for the elementwise kernels (kones/kernels/quantize.h).
#pragma once

#include <cstdint>

#include "kones/kernels/quantize.h"

namespace kones::kernels {

template <typename T>
struct ElementwiseFunctions {
  void (*quantize)(const T* x, T* y, int64_t count, const Quantization& quantization, int64_t first_element,
                   RangeMask mask, Stores stores);
  void (*ternarize)(const T* x, T* y, int64_t count, TernaryScales scales, Stores stores);
  void (*range_gradient)(const T* gradient, const T* x, T* y, int64_t count, float low, float high);
  void (*apply_mask)(const T* gradient, const uint64_t* mask, T* y, int64_t count);
};

struct ElementwiseTier {
  ElementwiseFunctions<float> float32;
  ElementwiseFunctions<Float16> float16;
  ElementwiseFunctions<BFloat16> bfloat16;
  void (*clamp_in_place)(float* x, int64_t count, float low, float high);
};

extern const ElementwiseTier elementwise_scalar;
extern const ElementwiseTier elementwise_avx2;
extern const ElementwiseTier elementwise_avx512;

}  // namespace kones::kernels
