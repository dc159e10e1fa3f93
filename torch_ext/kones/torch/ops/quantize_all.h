// Many tensors rounded together: what a network does with its weights at each step.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "kones/numeric/format.h"
#include "kones/numeric/rounding.h"

namespace kones {

/// Rounds x[i], all float32 on one device and contiguous, to the levels of `format` into y[i], of the same
/// size, with the random numbers of (seeds[i], offset); on CUDA in one launch for 64 tensors. The gradient is
/// not recorded. Throws c10::Error.
void quantize_all(const std::vector<at::Tensor>& x, const std::vector<at::Tensor>& y,
                  const NumberFormat& format, Rounding rounding, const std::vector<uint64_t>& seeds,
                  uint64_t offset);

}  // namespace kones
