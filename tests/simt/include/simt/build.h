// Which build of the layer this is, and CUDA's keywords for it.
//
// fast       plain code, blocks on several OS threads
// sanitizer  AddressSanitizer and UndefinedBehaviorSanitizer, one OS thread
// check      kernels compiled by -fsanitize=thread, whose calls end in this layer (runtime/check), one OS
// thread
#pragma once

#include <vector_types.h>  // brings the toolkit's own keywords, which are replaced below

#if defined(__SANITIZE_ADDRESS__)
#define SIMT_SANITIZER 1
#endif

// A block lives on one OS thread from start to end, so its shared memory is thread-local. AddressSanitizer
// puts red zones around plain statics alone.
#if defined(SIMT_SANITIZER)
#define SIMT_SHARED static
#else
#define SIMT_SHARED static thread_local
#endif

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __constant__
#undef __managed__
#undef __forceinline__
#undef __noinline__
#undef __launch_bounds__
#undef __grid_constant__
// Makes the compiler list every kernel's address in a section of its own (runtime/symbols); the cost is one
// nop.
#define __global__ __attribute__((patchable_function_entry(1)))
#define __device__
#define __host__
#define __shared__ SIMT_SHARED
#define __constant__
#define __managed__
// Inlined indeed, so that reports name the kernel's line and not that of the primitive.
#define __forceinline__ inline __attribute__((always_inline))
// Kept as a number of bytes before the kernel that nothing executes, which the same section tells. It counts
// only behind __global__, where CUDA's guide puts it.
#define __launch_bounds__(threads, ...) __attribute__((patchable_function_entry((threads) + 1, (threads))))
#define __grid_constant__

namespace simt {

/// Keeps the compiler from carrying shared memory in registers over a point where other threads run.
inline void compiler_barrier() {
  asm volatile("" ::: "memory");
}

}  // namespace simt
