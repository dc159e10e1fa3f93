// k-ones quantizer on a CUDA device. Numbers and rules: kones/numeric/k_ones.h.
#pragma once

#include <cstdint>

#include "kones/cuda/stream.h"
#include "kones/numeric/float16.h"
#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"

namespace kones::cuda {

/// Quantizes `count` elements at the device pointer x to y, which may be x, on `stream`. terms is 1..4,
/// max_shift 0..15. T is float, Float16 or BFloat16. The bits are those of kones::kernels::k_ones. Throws
/// std::runtime_error when the launch is refused.
template <typename T>
void k_ones(const T* x, T* y, int64_t count, int terms, int max_shift, Rounding rounding, RandomStream random,
            Stream stream);

}  // namespace kones::cuda
