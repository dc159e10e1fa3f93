// The operator kones::ternarize for C++; from Python it is torch.ops.kones.ternarize.
#pragma once

#include <ATen/core/Tensor.h>

namespace kones {

/// positive where x > threshold, -negative where x < -threshold, else 0, compared in float32 (Li, Zhang and
/// Liu, "Ternary Weight Networks", 2016, section 2). threshold is 0 or more; all three are finite. x is
/// float32, float16 or bfloat16, of any shape and strides, and the result has its type and memory format. The
/// gradient passes straight through. Throws c10::Error.
at::Tensor ternarize(const at::Tensor& x, double threshold, double positive = 1.0, double negative = 1.0);

}  // namespace kones
