// The kernels that the elementwise quantizers share. One thread takes 16 bytes of neighbouring elements, four
// float32 or eight of a half type: where pointers allow, one load and one store, and the one or two blocks of
// random words that belong to them.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "kones/cuda/hardware.cuh"
#include "kones/cuda/quantize.h"
#include "kones/numeric/float16.h"
#include "kones/numeric/philox.h"
#include "kones/numeric/quantizer.h"

namespace kones::cuda {

template <typename T>
inline constexpr int vector_elements = 16 / static_cast<int>(sizeof(T));

template <typename T>
struct alignas(16) ElementVector {
  T element[vector_elements<T>];
};

/// Reads elements first .. first + valid - 1; with `whole`, all of a vector at once.
template <typename T>
__device__ __forceinline__ ElementVector<T> load_vector(const T* x, int64_t first, int valid, bool whole) {
  ElementVector<T> values = {};
  if (whole) {
    values = *reinterpret_cast<const ElementVector<T>*>(x + first);
  } else {
    // Unrolled, so that every index is a constant and the vector stays in registers.
#pragma unroll
    for (int i = 0; i < vector_elements<T>; ++i) {
      if (i < valid) values.element[i] = x[first + i];
    }
  }
  return values;
}

template <typename T>
__device__ __forceinline__ void store_vector(const ElementVector<T>& values, T* y, int64_t first, int valid,
                                             bool whole) {
  if (whole) {
    uint4 bits;
    memcpy(&bits, &values, sizeof(bits));
    store_16_bytes(y + first, bits);
  } else {
#pragma unroll
    for (int i = 0; i < vector_elements<T>; ++i) {
      if (i < valid) y[first + i] = values.element[i];
    }
  }
}

/// Each element quantized, with the random numbers of elements first .. of the tensor; first is a multiple of
/// the vector's elements.
template <typename T, typename Quantizer>
__device__ __forceinline__ ElementVector<T> quantize_vector(const ElementVector<T>& values, int64_t first,
                                                            const PhiloxKeys& keys, Quantizer quantize) {
  ElementVector<T> result;
#pragma unroll
  for (int block = 0; block < vector_elements<T> / 4; ++block) {
    PhiloxBlock random = {};
    if (Quantizer::random) random = philox_block(keys, static_cast<uint64_t>(first / 4 + block));
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float uniform = Quantizer::random ? uniform_from_word(random.word[i]) : 0.0f;
      result.element[4 * block + i] =
          from_float<T>(quantize(to_float(values.element[4 * block + i]), uniform));
    }
  }
  return result;
}

/// Calls `take(first, valid, whole)` for this thread's vectors of a tensor of `count` elements: `valid`
/// elements from number first on; with `whole`, as many as a vector has, at an address that one is read from.
template <typename T, typename Take>
__device__ __forceinline__ void for_each_vector(int64_t count, bool aligned, Take take) {
  constexpr int elements = vector_elements<T>;
  const int64_t vectors = (count + elements - 1) / elements;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  // Not unrolled: nvcc would divide to find the number of turns, and a thread takes one or few.
#pragma unroll 1
  for (int64_t vector = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; vector < vectors;
       vector += stride) {
    const int64_t first = elements * vector;
    const int valid = count - first < elements ? static_cast<int>(count - first) : elements;
    take(first, valid, aligned && valid == elements);
  }
}

/// y[i] = quantize(x[i], u) for i in [0, count), with u the uniform number of element i; x and y are aligned
/// to 16 bytes when `aligned`.
template <typename T, typename Quantizer>
__global__ void __launch_bounds__(256)
    map_elements_kernel(const T* x, T* y, int64_t count, bool aligned, PhiloxKeys keys, Quantizer quantize) {
  for_each_vector<T>(count, aligned, [&](int64_t first, int valid, bool whole) {
    const ElementVector<T> values = load_vector(x, first, valid, whole);
    store_vector(quantize_vector(values, first, keys, quantize), y, first, valid, whole);
  });
}

/// Whether x is inside the range; NaN is not.
__device__ __forceinline__ bool is_inside(float x, float low, float high) {
  return x >= low && x <= high;
}

/// As map_elements_kernel on aligned pointers, and the range's mask: a thread takes the eight elements of one
/// byte of it.
template <typename T, typename Quantizer>
__global__ void __launch_bounds__(256)
    map_elements_masked_kernel(const T* x, T* y, int64_t count, PhiloxKeys keys, RangeMask mask,
                               Quantizer quantize) {
  constexpr int elements = vector_elements<T>;
  const int64_t bytes = (count + 7) / 8;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
#pragma unroll 1
  for (int64_t byte = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; byte < bytes;
       byte += stride) {
    uint32_t bits = 0;
#pragma unroll
    for (int part = 0; part < 8 / elements; ++part) {
      const int64_t first = 8 * byte + elements * part;
      const int64_t left = count - first;
      const int valid = left >= elements ? elements : (left > 0 ? static_cast<int>(left) : 0);
      const bool whole = valid == elements;
      const ElementVector<T> values = load_vector(x, first, valid, whole);
#pragma unroll
      for (int i = 0; i < elements; ++i) {
        if (i < valid && is_inside(to_float(values.element[i]), mask.low, mask.high))
          bits |= 1u << (elements * part + i);
      }
      store_vector(quantize_vector(values, first, keys, quantize), y, first, valid, whole);
    }
    mask.bytes[byte] = static_cast<uint8_t>(bits);
  }
}

/// The grid of blocks of 256 threads over `count` elements.
template <int ElementsOfThread>
dim3 elementwise_grid(int64_t count) {
  constexpr int64_t elements_of_block = 256 * ElementsOfThread;
  constexpr int64_t max_blocks = 65535;
  const int64_t blocks = (count + elements_of_block - 1) / elements_of_block;
  return dim3(static_cast<unsigned>(blocks < max_blocks ? blocks : max_blocks));
}

/// Whether vectors can be read and written at all of the addresses.
inline bool are_aligned(std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers) {
    if (reinterpret_cast<uintptr_t>(pointer) % 16 != 0) return false;
  }
  return true;
}

/// Launches map_elements_kernel over `count` elements.
template <typename T, typename Quantizer>
void map_elements(const char* name, const T* x, T* y, int64_t count, RandomStream random, Stream stream,
                  Quantizer quantize) {
  if (count == 0) return;
  launch(name, map_elements_kernel<T, Quantizer>, elementwise_grid<vector_elements<T>>(count), dim3(256), 0,
         stream, x, y, count, are_aligned({x, y}), philox_keys(random), quantize);
}

/// Launches map_elements_masked_kernel over `count` elements.
template <typename T, typename Quantizer>
void map_elements_masked(const char* name, const T* x, T* y, int64_t count, RandomStream random,
                         RangeMask mask, Stream stream, Quantizer quantize) {
  if (count == 0) return;
  launch(name, map_elements_masked_kernel<T, Quantizer>, elementwise_grid<8>(count), dim3(256), 0, stream, x,
         y, count, philox_keys(random), mask, quantize);
}

}  // namespace kones::cuda
