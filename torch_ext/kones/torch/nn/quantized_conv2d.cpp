#include "kones/torch/nn/quantized_conv2d.h"

#include <torch/torch.h>

namespace kones::nn {

QuantizedConv2dImpl::QuantizedConv2dImpl(const QuantizedConv2dOptions& options, WeightQuantizer quantizer)
    : options_(options) {
  TORCH_CHECK_VALUE(options.groups >= 1 && options.in_channels % options.groups == 0 &&
                        options.out_channels % options.groups == 0,
                    "QuantizedConv2d: ", options.in_channels, " input and ", options.out_channels,
                    " output channels do not divide into ", options.groups, " groups");
  const int64_t fan_in_channels = options.in_channels / options.groups;
  weight =
      register_module("weight", QuantizedWeight(at::IntArrayRef({options.out_channels, fan_in_channels,
                                                                 options.kernel_size, options.kernel_size}),
                                                quantizer));
}

at::Tensor QuantizedConv2dImpl::forward(const at::Tensor& x) {
  return torch::conv2d(x, weight->forward().to(x.scalar_type()), {}, options_.stride, options_.padding,
                       options_.dilation, options_.groups);
}

}  // namespace kones::nn
