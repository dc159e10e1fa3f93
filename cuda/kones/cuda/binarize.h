// Binary quantizer on a CUDA device. Rules: kones/numeric/binary.h.
#pragma once

#include <cstdint>

#include "kones/cuda/stream.h"
#include "kones/numeric/float16.h"
#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"

namespace kones::cuda {

/// Quantizes `count` elements at the device pointer x to y, which may be x, on `stream`. T is float, Float16
/// or BFloat16. The bits are those of kones::kernels::binarize. Throws std::runtime_error when the launch is
/// refused.
template <typename T>
void binarize(const T* x, T* y, int64_t count, Rounding rounding, RandomStream random, Stream stream);

}  // namespace kones::cuda
