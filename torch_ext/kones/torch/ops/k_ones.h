// The operator kones::k_ones for C++; from Python it is torch.ops.kones.k_ones.
#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>

namespace kones {

/// x rounded to sums of k powers of two, +-(2^-m1 + ... + 2^-mk), 0 <= m <= max_shift (LightNN: Ding, Liu,
/// Blanton and Marculescu, section IV). k is 1..4, max_shift 0..15, rounding one of nearest, stochastic,
/// truncate; seed and offset choose the random numbers of stochastic rounding. x is float32, float16 or
/// bfloat16, of any shape and strides, and the result has its type and memory format. The gradient passes
/// straight through. Throws c10::Error.
at::Tensor k_ones(const at::Tensor& x, int64_t k, int64_t max_shift = 7,
                  std::string_view rounding = "nearest", c10::SymInt seed = 0, c10::SymInt offset = 0);

}  // namespace kones
