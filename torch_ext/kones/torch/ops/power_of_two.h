// The operator kones::power_of_two for C++; from Python it is torch.ops.kones.power_of_two.
#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>

namespace kones {

/// x rounded to +-2^e, min_exponent <= e <= max_exponent (both in -126..126), and 0 if `zero`. rounding is
/// one of nearest, stochastic, truncate, or nearest_log, which rounds log2 |x| as DeepShift and Ristretto do;
/// seed and offset choose the random numbers of stochastic rounding. x is float32, float16 or bfloat16, of
/// any shape and strides, and the result has its type and memory format. The gradient passes straight
/// through. Throws c10::Error.
at::Tensor power_of_two(const at::Tensor& x, int64_t min_exponent, int64_t max_exponent, bool zero = false,
                        std::string_view rounding = "nearest", c10::SymInt seed = 0, c10::SymInt offset = 0);

}  // namespace kones
