// The operator kones::binarize for C++; from Python it is torch.ops.kones.binarize.
#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>

namespace kones {

/// The signs of x as -1 and +1, with sign(0) = +1 (BinaryConnect: Courbariaux, Bengio and David, 2015,
/// section 2.2). rounding is nearest, stochastic (+1 with probability clip((x + 1) / 2, 0, 1)) or truncate
/// (the same as nearest); seed and offset choose the random numbers. x is float32, float16 or bfloat16, of
/// any shape and strides, and the result has its type and memory format. The gradient passes where |x| <= 1.
/// Throws c10::Error.
at::Tensor binarize(const at::Tensor& x, std::string_view rounding = "nearest", c10::SymInt seed = 0,
                    c10::SymInt offset = 0);

}  // namespace kones
