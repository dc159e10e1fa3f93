#include "kones/cuda/elementwise.cuh"

namespace kones::cuda {
namespace {

/// y[i] = gradient[i] where x[i] is inside the range, else 0; the pointers are aligned to 16 bytes when
/// `aligned`.
template <typename T>
__global__ void __launch_bounds__(256)
    range_gradient_kernel(const T* gradient, const T* x, T* y, int64_t count, bool aligned, float low,
                          float high) {
  for_each_vector<T>(count, aligned, [&](int64_t first, int valid, bool whole) {
    const ElementVector<T> operands = load_vector(x, first, valid, whole);
    ElementVector<T> values = load_vector(gradient, first, valid, whole);
#pragma unroll
    for (int i = 0; i < vector_elements<T>; ++i) {
      if (!is_inside(to_float(operands.element[i]), low, high)) values.element[i] = T{};
    }
    store_vector(values, y, first, valid, whole);
  });
}

/// y[i] = mask bit i ? gradient[i] : 0; both pointers are aligned to 16 bytes.
template <typename T>
__global__ void __launch_bounds__(256)
    apply_mask_kernel(const T* gradient, const uint8_t* mask, T* y, int64_t count) {
  for_each_vector<T>(count, true, [&](int64_t first, int valid, bool whole) {
    const uint32_t bits = static_cast<uint32_t>(mask[first / 8]) >> (first % 8);
    ElementVector<T> values = load_vector(gradient, first, valid, whole);
#pragma unroll
    for (int i = 0; i < vector_elements<T>; ++i) {
      if (((bits >> i) & 1u) == 0) values.element[i] = T{};
    }
    store_vector(values, y, first, valid, whole);
  });
}

}  // namespace

template <typename T>
void range_gradient(const T* gradient, const T* x, T* y, int64_t count, float low, float high,
                    Stream stream) {
  if (count == 0) return;
  KONES_LAUNCH(range_gradient_kernel<T>, elementwise_grid<vector_elements<T>>(count), dim3(256), 0, stream,
               gradient, x, y, count, are_aligned({gradient, x, y}), low, high);
}

template <typename T>
void apply_mask(const T* gradient, const uint8_t* mask, T* y, int64_t count, Stream stream) {
  if (count == 0) return;
  KONES_LAUNCH(apply_mask_kernel<T>, elementwise_grid<vector_elements<T>>(count), dim3(256), 0, stream,
               gradient, mask, y, count);
}

template void range_gradient(const float*, const float*, float*, int64_t, float, float, Stream);
template void range_gradient(const Float16*, const Float16*, Float16*, int64_t, float, float, Stream);
template void range_gradient(const BFloat16*, const BFloat16*, BFloat16*, int64_t, float, float, Stream);
template void apply_mask(const float*, const uint8_t*, float*, int64_t, Stream);
template void apply_mask(const Float16*, const uint8_t*, Float16*, int64_t, Stream);
template void apply_mask(const BFloat16*, const uint8_t*, BFloat16*, int64_t, Stream);

}  // namespace kones::cuda
