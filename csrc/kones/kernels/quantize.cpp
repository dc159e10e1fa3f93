#include "kones/kernels/quantize.h"

#include "kones/kernels/subnormal_numbers.h"
#include "kones/kernels/tiers/elementwise.h"

namespace kones::kernels {
namespace {

const ElementwiseTier& functions_of(CpuTier tier) {
  switch (tier) {
#if defined(__x86_64__)
    case CpuTier::amx_int8:
    case CpuTier::avx512_vpopcntdq:
    case CpuTier::avx512_vnni:
    case CpuTier::avx512:
      return elementwise_avx512;
    case CpuTier::avx2:
      return elementwise_avx2;
#endif
    default:
      return elementwise_scalar;
  }
}

template <typename T>
const ElementwiseFunctions<T>& functions(CpuTier tier);

template <>
const ElementwiseFunctions<float>& functions(CpuTier tier) {
  return functions_of(tier).float32;
}

template <>
const ElementwiseFunctions<Float16>& functions(CpuTier tier) {
  return functions_of(tier).float16;
}

template <>
const ElementwiseFunctions<BFloat16>& functions(CpuTier tier) {
  return functions_of(tier).bfloat16;
}

}  // namespace

template <typename T>
void quantize(const T* x, T* y, int64_t count, const Quantization& quantization, int64_t first_element,
              RangeMask mask, Stores stores, CpuTier tier) {
  const SubnormalNumbers scope;
  functions<T>(tier).quantize(x, y, count, quantization, first_element, mask, stores);
}

template <typename T>
void ternarize(const T* x, T* y, int64_t count, TernaryScales scales, Stores stores, CpuTier tier) {
  const SubnormalNumbers scope;
  functions<T>(tier).ternarize(x, y, count, scales, stores);
}

template <typename T>
void range_gradient(const T* gradient, const T* x, T* y, int64_t count, float low, float high, CpuTier tier) {
  const SubnormalNumbers scope;
  functions<T>(tier).range_gradient(gradient, x, y, count, low, high);
}

template <typename T>
void apply_mask(const T* gradient, const uint64_t* mask, T* y, int64_t count, CpuTier tier) {
  functions<T>(tier).apply_mask(gradient, mask, y, count);
}

void clamp_in_place(float* x, int64_t count, float low, float high, CpuTier tier) {
  const SubnormalNumbers scope;
  functions_of(tier).clamp_in_place(x, count, low, high);
}

#define KONES_INSTANTIATE(T)                                                                               \
  template void quantize(const T*, T*, int64_t, const Quantization&, int64_t, RangeMask, Stores, CpuTier); \
  template void ternarize(const T*, T*, int64_t, TernaryScales, Stores, CpuTier);                          \
  template void range_gradient(const T*, const T*, T*, int64_t, float, float, CpuTier);                    \
  template void apply_mask(const T*, const uint64_t*, T*, int64_t, CpuTier);
KONES_INSTANTIATE(float)
KONES_INSTANTIATE(Float16)
KONES_INSTANTIATE(BFloat16)
#undef KONES_INSTANTIATE

}  // namespace kones::kernels
