// The operator kones::fixed_point for C++; from Python it is torch.ops.kones.fixed_point.
#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>

namespace kones {

/// x rounded to multiples of 2^-fraction_bits in integer_bits + fraction_bits bits, 1 to 24 of them: from
/// -2^(integer_bits - 1) to 2^(integer_bits - 1) - 2^-fraction_bits, or unsigned from 0 to 2^integer_bits -
/// 2^-fraction_bits (Gupta, Agrawal, Gopalakrishnan and Narayanan, 2015, section 3). Each is within
/// -126..126. rounding is nearest (ties up), stochastic or truncate (down); seed and offset choose the random
/// numbers. x is float32, float16 or bfloat16, of any shape and strides, and the result has its type (rounded
/// to nearest even in it: it may leave the level set) and memory format. The gradient passes where x is
/// inside the range, ends included. Throws c10::Error.
at::Tensor fixed_point(const at::Tensor& x, int64_t integer_bits, int64_t fraction_bits,
                       bool is_signed = true, std::string_view rounding = "nearest", c10::SymInt seed = 0,
                       c10::SymInt offset = 0);

}  // namespace kones
