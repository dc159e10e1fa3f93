// The losses that networks are trained with.
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace kones {

/// Mean loss of `outputs` (float32 [batch, classes]) for `labels` (int64 [batch]). "cross-entropy";
/// "squared-hinge": mean over batch and classes of max(0, 1 - t y)^2, t = +1 for the label and -1 for the
/// rest (BinaryNet's code).
at::Tensor compute_loss(const std::string& loss, const at::Tensor& outputs, const at::Tensor& labels);

}  // namespace kones
