// Marks functions that compile for the host and for CUDA devices alike. They are always inlined: files of
// several instruction sets include them, and one set's code must not stand in for another's at link time.
#pragma once

#if defined(__CUDACC__)
#define KONES_HOST_DEVICE __host__ __device__ __forceinline__
#elif defined(__GNUC__)
#define KONES_HOST_DEVICE [[gnu::always_inline]] inline
#else
#define KONES_HOST_DEVICE inline
#endif
