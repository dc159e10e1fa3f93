// The running thread's built-in variables. They are variables, not macros: macros of these names would break
// the toolkit's structures that have members so called.
#pragma once

#include <vector_types.h>

extern __thread uint3 threadIdx;
extern __thread uint3 blockIdx;
extern __thread dim3 blockDim;
extern __thread dim3 gridDim;
static constexpr int warpSize = 32;

namespace simt {

/// The running thread's lane in its warp.
extern __thread int lane;

}  // namespace simt
