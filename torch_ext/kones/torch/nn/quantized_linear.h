// A fully connected layer with quantized weights.
#pragma once

#include "kones/torch/nn/quantized_weight.h"

namespace kones::nn {

/// y = x q(W)^T: x is [batch, in_features], y [batch, out_features]; W becomes x's type. There is no bias: a
/// batch norm that follows has one.
class QuantizedLinearImpl : public torch::nn::Module {
 public:
  QuantizedLinearImpl(int64_t in_features, int64_t out_features, WeightQuantizer quantizer);
  at::Tensor forward(const at::Tensor& x);

  QuantizedWeight weight{nullptr};
};

TORCH_MODULE(QuantizedLinear);

}  // namespace kones::nn
