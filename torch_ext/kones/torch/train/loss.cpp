#include "kones/torch/train/loss.h"

#include <torch/torch.h>

namespace kones {

at::Tensor compute_loss(const std::string& loss, const at::Tensor& outputs, const at::Tensor& labels) {
  if (loss == "squared-hinge") {
    const at::Tensor targets = torch::one_hot(labels, outputs.size(1)).to(outputs.scalar_type()) * 2 - 1;
    return torch::relu(1 - targets * outputs).square().mean();
  }
  return torch::cross_entropy_loss(outputs, labels);
}

}  // namespace kones
