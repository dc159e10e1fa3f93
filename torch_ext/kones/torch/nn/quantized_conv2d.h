// A two-dimensional convolution with quantized weights.
#pragma once

#include "kones/torch/nn/quantized_weight.h"

namespace kones::nn {

struct QuantizedConv2dOptions {
  int64_t in_channels = 1;
  int64_t out_channels = 1;
  int64_t kernel_size = 3;
  int64_t stride = 1;
  int64_t padding = 0;
  int64_t dilation = 1;
  int64_t groups = 1;
};

/// y = conv2d(x, q(W)): x is [batch, in_channels, height, width], W [out_channels, in_channels / groups,
/// kernel, kernel], and becomes x's type. There is no bias: a batch norm that follows has one.
class QuantizedConv2dImpl : public torch::nn::Module {
 public:
  QuantizedConv2dImpl(const QuantizedConv2dOptions& options, WeightQuantizer quantizer);
  at::Tensor forward(const at::Tensor& x);

  const QuantizedConv2dOptions& options() const { return options_; }

  QuantizedWeight weight{nullptr};

 private:
  QuantizedConv2dOptions options_;
};

TORCH_MODULE(QuantizedConv2d);

}  // namespace kones::nn
