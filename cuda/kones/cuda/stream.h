// The stream type of the CUDA runtime, for headers that must not include the toolkit's.
#pragma once

struct CUstream_st;

namespace kones::cuda {

using Stream = CUstream_st*;

}  // namespace kones::cuda
