// The losses that networks are trained with.
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace kones {

/// Mean loss of `outputs` (float32 [batch, classes]) for `labels` (int64 [batch]). "cross-entropy", of which
/// `label_smoothing` (0 to 1) gives that share of each label to all classes alike; "squared-hinge": mean over
/// batch and classes of max(0, 1 - t y)^2, t = +1 for the label and -1 for the rest (BinaryNet's code).
at::Tensor compute_loss(const std::string& loss, const at::Tensor& outputs, const at::Tensor& labels,
                        double label_smoothing = 0.0);

/// How far `outputs` are from a teacher's, both float32 [batch, classes]: T^2 KL(softmax(teacher / T) ||
/// softmax(outputs / T)), mean over the batch, with the temperature T > 0 (Hinton, Vinyals and Dean,
/// "Distilling the Knowledge in a Neural Network", 2015, section 2).
at::Tensor compute_distillation_loss(const at::Tensor& outputs, const at::Tensor& teacher,
                                     double temperature);

}  // namespace kones
