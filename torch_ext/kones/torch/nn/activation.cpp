#include "kones/torch/nn/activation.h"

#include <torch/torch.h>

#include "kones/torch/ops/binarize.h"

namespace kones::nn {

at::Tensor ActivationImpl::forward(const at::Tensor& x) {
  if (observer_) observer_(x);
  return kind_ == ActivationKind::relu ? torch::relu(x) : binarize(x);
}

}  // namespace kones::nn
