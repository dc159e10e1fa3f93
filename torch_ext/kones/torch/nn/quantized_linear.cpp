#include "kones/torch/nn/quantized_linear.h"

#include <torch/torch.h>

namespace kones::nn {

QuantizedLinearImpl::QuantizedLinearImpl(int64_t in_features, int64_t out_features, WeightQuantizer quantizer)
    : weight(register_module("weight",
                             QuantizedWeight(at::IntArrayRef({out_features, in_features}), quantizer))) {}

at::Tensor QuantizedLinearImpl::forward(const at::Tensor& x) {
  return torch::linear(x, weight->forward().to(x.scalar_type()));
}

}  // namespace kones::nn
