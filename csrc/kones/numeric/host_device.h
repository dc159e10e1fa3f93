// Marks functions that compile for the host and for CUDA devices alike.
#pragma once

#if defined(__CUDACC__)
#define KONES_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define KONES_HOST_DEVICE inline
#endif
