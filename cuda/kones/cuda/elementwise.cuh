// The kernel that the elementwise quantizers share: one thread takes four neighbouring elements, which are
// one block of random words and, where pointers allow, one vector load and store.
#pragma once

#include <cstdint>

#include "kones/cuda/hardware.cuh"
#include "kones/numeric/float16.h"
#include "kones/numeric/philox.h"

namespace kones::cuda {

template <typename T>
struct alignas(4 * sizeof(T)) ElementQuad {
  T element[4];
};

/// y[i] = quantize(x[i], u) for i in [0, count), with u the uniform number of element i; x and y are aligned
/// to four elements when `aligned`. Unless Random, quantize gets 0 for u.
template <bool Random, typename T, typename Quantize>
__global__ void __launch_bounds__(256) map_elements_kernel(const T* x, T* y, int64_t count, bool aligned,
                                                           RandomStream stream, Quantize quantize) {
  const int64_t quads = (count + 3) / 4;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  // Not unrolled: nvcc would divide to find the number of turns, and a thread takes one or few.
#pragma unroll 1
  for (int64_t quad = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; quad < quads;
       quad += stride) {
    const int64_t first = 4 * quad;
    const int valid = count - first < 4 ? static_cast<int>(count - first) : 4;
    const bool whole = aligned && valid == 4;
    ElementQuad<T> values = {};
    if (whole) {
      values = *reinterpret_cast<const ElementQuad<T>*>(x + first);
    } else {
      // Unrolled, so that every index is a constant and the quad stays in registers.
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (i < valid) values.element[i] = x[first + i];
      }
    }
    PhiloxBlock random = {};
    if (Random) random = philox_block(stream, static_cast<uint64_t>(quad));
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float uniform = Random ? uniform_from_word(random.word[i]) : 0.0f;
      values.element[i] = from_float<T>(quantize(to_float(values.element[i]), uniform));
    }
    if (whole) {
      *reinterpret_cast<ElementQuad<T>*>(y + first) = values;
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (i < valid) y[first + i] = values.element[i];
      }
    }
  }
}

/// Launches map_elements_kernel over `count` elements.
template <bool Random, typename T, typename Quantize>
void map_elements(const char* name, const T* x, T* y, int64_t count, RandomStream stream, Stream cuda_stream,
                  Quantize quantize) {
  if (count == 0) return;
  constexpr int64_t threads = 256;
  constexpr int64_t max_blocks = 65535;
  const int64_t blocks = ((count + 3) / 4 + threads - 1) / threads;
  const auto misalignment =
      (reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y)) % alignof(ElementQuad<T>);
  launch(name, map_elements_kernel<Random, T, Quantize>,
         dim3(static_cast<unsigned>(blocks < max_blocks ? blocks : max_blocks)), dim3(threads), 0,
         cuda_stream, x, y, count, misalignment == 0, stream, quantize);
}

}  // namespace kones::cuda
