// What a kernel cannot say in plain CUDA C++: its launch, dynamic shared memory, and single machine
// instructions. Kernels are compiled by nvcc for devices and by the host's compiler for tests/simt, which
// runs them on the CPU; the difference is in this header alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include <cuda_runtime.h>

#include "kones/cuda/stream.h"

// The compute capability that nvcc compiles for, such as 800 for 8.0; 0 in its compilation for the host and
// elsewhere.
#if defined(__CUDA_ARCH__)
#define KONES_DEVICE_CAPABILITY __CUDA_ARCH__
#else
#define KONES_DEVICE_CAPABILITY 0
#endif
#if !defined(__CUDACC__)
#define KONES_ON_SIMT_HOST 1
#endif

/// Declares `name`, a pointer to the block's dynamic shared memory, aligned to 16 bytes.
#if defined(__CUDACC__)
#define KONES_DYNAMIC_SHARED(T, name)                                          \
  extern __shared__ __align__(16) unsigned char kones_dynamic_shared_memory[]; \
  T* const name = reinterpret_cast<T*>(kones_dynamic_shared_memory)
#else
#define KONES_DYNAMIC_SHARED(T, name) T* const name = static_cast<T*>(::simt::dynamic_shared())
#endif

/// KONES_LAUNCH(kernel, grid, block, shared_bytes, stream, arguments...): kones::cuda::launch under the
/// kernel's own name. A kernel with commas in its name goes in parentheses.
#if defined(__CUDACC__)
#define KONES_LAUNCH(kernel, ...) ::kones::cuda::launch(#kernel, kernel, __VA_ARGS__)
#else
#define KONES_LAUNCH(kernel, ...) \
  (::simt::name_arguments(#__VA_ARGS__), ::kones::cuda::launch(#kernel, kernel, __VA_ARGS__))
#endif

namespace kones::cuda {

/// Launches `kernel` with its arguments converted to its parameters' types. Throws std::runtime_error, with
/// the kernel's name, when the launch is refused; errors in the kernel itself surface at the stream's next
/// synchronisation.
template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
            Stream stream, Arguments... arguments) {
#if defined(__CUDACC__)
  kernel<<<grid, block, shared_bytes, stream>>>(static_cast<Parameters>(arguments)...);
  const cudaError_t error = cudaPeekAtLastError();
#else
  static_cast<void>(stream);
  const cudaError_t error = ::simt::launch(name, kernel, grid, block, shared_bytes, arguments...);
#endif
  if (error != cudaSuccess) {
    throw std::runtime_error(std::string("CUDA kernel ") + name +
                             " was not launched: " + cudaGetErrorString(error));
  }
}

/// Stores 16 bytes of global memory, aligned to 16, by one instruction. Of a plain assignment nvcc may make
/// four, where it has turned the address into one that it no longer sees to be aligned.
__device__ __forceinline__ void store_16_bytes(void* global, uint4 value) {
#if KONES_DEVICE_CAPABILITY > 0
  asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(global)),
               "r"(value.x), "r"(value.y), "r"(value.z), "r"(value.w)
               : "memory");
#else
  *static_cast<uint4*>(global) = value;
#endif
}

// Asynchronous copies from global to shared memory (cp.async). Devices below 8.0 copy at once.

/// Starts a copy of Size bytes (4, 8 or 16); both addresses are aligned to Size. Only the first `source_size`
/// bytes are read, and the others become 0.
template <int Size>
__device__ __forceinline__ void async_copy(void* shared, const void* global, int source_size = Size) {
  static_assert(Size == 4 || Size == 8 || Size == 16, "cp.async copies 4, 8 or 16 bytes");
#if KONES_DEVICE_CAPABILITY >= 800
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  if constexpr (Size == 16) {
    // Past the first-level cache: what is copied is used from shared memory.
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(source_size)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(address), "l"(global), "n"(Size),
                 "r"(source_size)
                 : "memory");
  }
#elif KONES_DEVICE_CAPABILITY > 0
  for (int i = 0; i < Size / 4; ++i) {
    uint32_t word = 0;
    if (4 * i + 4 <= source_size) {
      word = static_cast<const uint32_t*>(global)[i];
    } else {
      for (int byte = 0; 4 * i + byte < source_size; ++byte) {
        word |= static_cast<uint32_t>(static_cast<const unsigned char*>(global)[4 * i + byte]) << (8 * byte);
      }
    }
    static_cast<uint32_t*>(shared)[i] = word;
  }
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::copy_async(shared, global, Size, static_cast<size_t>(source_size));
#endif
}

/// The same of all Size bytes, 8 or 16, or of none.
template <int Size>
__device__ __forceinline__ void async_copy_if(bool present, void* shared, const void* global) {
  static_assert(Size == 8 || Size == 16, "one load and one store where there is no cp.async");
#if KONES_DEVICE_CAPABILITY > 0 && KONES_DEVICE_CAPABILITY < 800
  if constexpr (Size == 16) {
    uint4 value = {0, 0, 0, 0};
    if (present) {
      asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                   : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
                   : "l"(__cvta_generic_to_global(global))
                   : "memory");
    }
    *static_cast<uint4*>(shared) = value;
  } else {
    uint2 value = {0, 0};
    if (present) {
      asm volatile("ld.global.v2.u32 {%0, %1}, [%2];"
                   : "=r"(value.x), "=r"(value.y)
                   : "l"(__cvta_generic_to_global(global))
                   : "memory");
    }
    *static_cast<uint2*>(shared) = value;
  }
#else
  async_copy<Size>(shared, global, present ? Size : 0);
#endif
}

/// Closes the calling thread's group of asynchronous copies.
__device__ __forceinline__ void async_copy_commit() {
#if KONES_DEVICE_CAPABILITY >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::copy_async_commit();
#endif
}

/// Waits until at most Pending of the calling thread's newest groups are under way. Other threads see the
/// data after a barrier that follows.
template <int Pending>
__device__ __forceinline__ void async_copy_wait() {
#if KONES_DEVICE_CAPABILITY >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::copy_async_wait(Pending);
#endif
}

// Matrix loads (ldmatrix): Count (1, 2 or 4) matrices of 8x8 16-bit elements, or of 8 rows of four words.
// Lane 8m + r names row r of matrix m: 16 bytes of shared memory, aligned to 16. result[m] of lane l is word
// l % 4 of row l / 4.

template <int Count>
__device__ __forceinline__ void load_matrix(uint32_t (&result)[Count], const void* row) {
  static_assert(Count == 1 || Count == 2 || Count == 4, "ldmatrix loads 1, 2 or 4 matrices");
#if KONES_DEVICE_CAPABILITY > 0
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (Count == 1) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
                 : "=r"(result[0])
                 : "r"(address)
                 : "memory");
  } else if constexpr (Count == 2) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(result[0]), "=r"(result[1])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(result[0]), "=r"(result[1]), "=r"(result[2]), "=r"(result[3])
                 : "r"(address)
                 : "memory");
  }
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::load_matrix(result, Count, false, row);
#endif
}

/// The same with each matrix of 16-bit elements transposed.
template <int Count>
__device__ __forceinline__ void load_matrix_transposed(uint32_t (&result)[Count], const void* row) {
  static_assert(Count == 1 || Count == 2 || Count == 4, "ldmatrix loads 1, 2 or 4 matrices");
#if KONES_DEVICE_CAPABILITY > 0
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (Count == 1) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
                 : "=r"(result[0])
                 : "r"(address)
                 : "memory");
  } else if constexpr (Count == 2) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(result[0]), "=r"(result[1])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(result[0]), "=r"(result[1]), "=r"(result[2]), "=r"(result[3])
                 : "r"(address)
                 : "memory");
  }
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::load_matrix(result, Count, true, row);
#endif
}

// Binary matrix products (mma.sync, b1): c += popcount(a op b) summed over the bits of a row and a column, on
// the whole warp. Fragments (PTX ISA, "Matrix fragments for mma.m8n8k128" and "... m16n8k256"), for lane l
// with g = l / 4, q = l % 4:
//   m8n8k128:   a = word q of row g; b = word q of column g; c[i] = row g, column 2q + i
//   m16n8k256:  a[i] = word q + 4 (i / 2) of row g + 8 (i % 2); b[i] = word q + 4 i of column g;
//               c[i] = row g + 8 (i / 2), column 2q + i % 2
// Native: xor on 7.5 (m8n8k128 alone) to 8.9; and on 8.0 to 9.0. Elsewhere later devices emulate them,
// slowly. What a device below 8.0 has not traps: choose another kernel there.

__device__ __forceinline__ void mma_b1_m8n8k128_xor(int32_t (&c)[2], uint32_t a, uint32_t b) {
#if KONES_DEVICE_CAPABILITY > 0
  asm volatile("mma.sync.aligned.m8n8k128.row.col.s32.b1.b1.s32.xor.popc {%0, %1}, {%2}, {%3}, {%0, %1};"
               : "+r"(c[0]), "+r"(c[1])
               : "r"(a), "r"(b));
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::mma_b1_m8n8k128(::simt::BitOperation::exclusive_or, c, a, b);
#endif
}

__device__ __forceinline__ void mma_b1_m8n8k128_and(int32_t (&c)[2], uint32_t a, uint32_t b) {
#if KONES_DEVICE_CAPABILITY >= 800
  asm volatile("mma.sync.aligned.m8n8k128.row.col.s32.b1.b1.s32.and.popc {%0, %1}, {%2}, {%3}, {%0, %1};"
               : "+r"(c[0]), "+r"(c[1])
               : "r"(a), "r"(b));
#elif KONES_DEVICE_CAPABILITY > 0
  __trap();
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::mma_b1_m8n8k128(::simt::BitOperation::conjunction, c, a, b);
#endif
}

__device__ __forceinline__ void mma_b1_m16n8k256_xor(int32_t (&c)[4], const uint32_t (&a)[4],
                                                     const uint32_t (&b)[2]) {
#if KONES_DEVICE_CAPABILITY >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.xor.popc {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, "
      "%9}, "
      "{%0, %1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif KONES_DEVICE_CAPABILITY > 0
  __trap();
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::mma_b1_m16n8k256(::simt::BitOperation::exclusive_or, c, a, b);
#endif
}

__device__ __forceinline__ void mma_b1_m16n8k256_and(int32_t (&c)[4], const uint32_t (&a)[4],
                                                     const uint32_t (&b)[2]) {
#if KONES_DEVICE_CAPABILITY >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, "
      "%9}, "
      "{%0, %1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif KONES_DEVICE_CAPABILITY > 0
  __trap();
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::mma_b1_m16n8k256(::simt::BitOperation::conjunction, c, a, b);
#endif
}

/// The integer product c += a b over 32 signed bytes, fragments as m16n8k256's with four bytes a word.
__device__ __forceinline__ void mma_s8_m16n8k32(int32_t (&c)[4], const uint32_t (&a)[4],
                                                const uint32_t (&b)[2]) {
#if KONES_DEVICE_CAPABILITY >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, "
      "%1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif KONES_DEVICE_CAPABILITY > 0
  __trap();
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::mma_s8_m16n8k32(c, a, b);
#endif
}

/// The same over 32 unsigned bytes.
__device__ __forceinline__ void mma_u8_m16n8k32(int32_t (&c)[4], const uint32_t (&a)[4],
                                                const uint32_t (&b)[2]) {
#if KONES_DEVICE_CAPABILITY >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.u8.u8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, "
      "%1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif KONES_DEVICE_CAPABILITY > 0
  __trap();
#elif defined(KONES_ON_SIMT_HOST)
  ::simt::mma_u8_m16n8k32(c, a, b);
#endif
}

// Sums and extremes over a whole warp, the result in every lane: one instruction from 8.0 on.

#if KONES_DEVICE_CAPABILITY > 0 && KONES_DEVICE_CAPABILITY < 800
#define KONES_WARP_REDUCE(name, T, intrinsic, combine)               \
  __device__ __forceinline__ T name(T value) {                       \
    for (int distance = 16; distance > 0; distance /= 2) {           \
      const T other = __shfl_xor_sync(0xFFFFFFFFu, value, distance); \
      value = combine;                                               \
    }                                                                \
    return value;                                                    \
  }
#elif KONES_DEVICE_CAPABILITY > 0 || defined(KONES_ON_SIMT_HOST)
#define KONES_WARP_REDUCE(name, T, intrinsic, combine) \
  __device__ __forceinline__ T name(T value) {         \
    return intrinsic(0xFFFFFFFFu, value);              \
  }
#else  // nvcc's compilation for its host, which calls none of them
#define KONES_WARP_REDUCE(name, T, intrinsic, combine) \
  __device__ __forceinline__ T name(T value) {         \
    return value;                                      \
  }
#endif

KONES_WARP_REDUCE(warp_sum, int, __reduce_add_sync, value + other)
KONES_WARP_REDUCE(warp_sum, unsigned, __reduce_add_sync, value + other)
KONES_WARP_REDUCE(warp_min, int, __reduce_min_sync, other < value ? other : value)
KONES_WARP_REDUCE(warp_min, unsigned, __reduce_min_sync, other < value ? other : value)
KONES_WARP_REDUCE(warp_max, int, __reduce_max_sync, value < other ? other : value)
KONES_WARP_REDUCE(warp_max, unsigned, __reduce_max_sync, value < other ? other : value)

#undef KONES_WARP_REDUCE

}  // namespace kones::cuda
