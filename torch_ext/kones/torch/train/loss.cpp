#include "kones/torch/train/loss.h"

#include <torch/torch.h>

namespace kones {

at::Tensor compute_loss(const std::string& loss, const at::Tensor& outputs, const at::Tensor& labels,
                        double label_smoothing) {
  if (loss == "squared-hinge") {
    const at::Tensor targets = torch::one_hot(labels, outputs.size(1)).to(outputs.scalar_type()) * 2 - 1;
    return torch::relu(1 - targets * outputs).square().mean();
  }
  return torch::cross_entropy_loss(outputs, labels, {}, at::Reduction::Mean, -100, label_smoothing);
}

at::Tensor compute_distillation_loss(const at::Tensor& outputs, const at::Tensor& teacher,
                                     double temperature) {
  const at::Tensor wanted = torch::log_softmax(teacher / temperature, 1);
  const at::Tensor got = torch::log_softmax(outputs / temperature, 1);
  return (wanted.exp() * (wanted - got)).sum(1).mean() * (temperature * temperature);
}

}  // namespace kones
