#include "kones/torch/models/network.h"

#include <torch/torch.h>

namespace kones {
namespace {

constexpr double norm_epsilon = 1e-4;
constexpr double norm_momentum = 0.1;

}  // namespace

torch::nn::BatchNormOptions Block::norm_options() const {
  return norm2d.is_empty() ? norm1d->options : norm2d->options;
}
at::Tensor Block::norm_weight() const {
  return norm2d.is_empty() ? norm1d->weight : norm2d->weight;
}
at::Tensor Block::norm_bias() const {
  return norm2d.is_empty() ? norm1d->bias : norm2d->bias;
}
at::Tensor Block::norm_mean() const {
  return norm2d.is_empty() ? norm1d->running_mean : norm2d->running_mean;
}
at::Tensor Block::norm_variance() const {
  return norm2d.is_empty() ? norm1d->running_var : norm2d->running_var;
}
at::Tensor Block::norm_batch_count() const {
  return norm2d.is_empty() ? norm1d->num_batches_tracked : norm2d->num_batches_tracked;
}

NetworkImpl::NetworkImpl(const Topology& topology, const Method& method)
    : topology_(topology), method_(method) {
  int64_t channels = topology.channels;
  int64_t height = topology.height;
  int64_t width = topology.width;
  for (size_t i = 0; i < topology.layers.size(); ++i) {
    const LayerShape& shape = topology.layers[i];
    const std::string number = std::to_string(i + 1);
    const auto norm = torch::nn::BatchNormOptions(shape.outputs).eps(norm_epsilon).momentum(norm_momentum);
    Block block;
    block.shape = shape;
    if (shape.kind == LayerShape::Kind::conv2d) {
      block.name = "conv" + number;
      nn::QuantizedConv2dOptions options;
      options.in_channels = channels;
      options.out_channels = shape.outputs;
      options.kernel_size = shape.kernel;
      options.padding = shape.padding;
      block.conv = register_module(block.name, nn::QuantizedConv2d(options, method.weights));
      block.norm2d = register_module("norm" + number, torch::nn::BatchNorm2d(norm));
      height = (height + 2 * shape.padding - shape.kernel + 1) / shape.max_pool;
      width = (width + 2 * shape.padding - shape.kernel + 1) / shape.max_pool;
    } else {
      block.name = "linear" + number;
      block.linear = register_module(
          block.name, nn::QuantizedLinear(channels * height * width, shape.outputs, method.weights));
      block.norm1d = register_module("norm" + number, torch::nn::BatchNorm1d(norm));
      height = width = 1;
    }
    channels = shape.outputs;
    if (i + 1 < topology.layers.size()) {
      block.activation = register_module("activation" + number, nn::Activation(method.activation));
    }
    blocks_.push_back(std::move(block));
  }
}

at::Tensor NetworkImpl::forward(const at::Tensor& x) {
  return observed_forward(x, [](const Block&, const at::Tensor&) {});
}

at::Tensor NetworkImpl::observed_forward(const at::Tensor& x, const Observer& observe) {
  nn::quantize_weights(*this);
  at::Tensor y = x;
  for (Block& block : blocks_) {
    if (!block.conv.is_empty()) {
      y = block.conv->forward(y);
      if (block.shape.max_pool > 1) y = torch::max_pool2d(y, block.shape.max_pool);
      y = block.norm2d->forward(y);
    } else {
      y = block.norm1d->forward(block.linear->forward(y.flatten(1)));
    }
    if (!block.activation.is_empty()) y = block.activation->forward(y);
    observe(block, y);
  }
  return y;
}

int64_t NetworkImpl::weight_count() const {
  int64_t count = 0;
  for (const Block& block : blocks_) count += block.weight()->latent.numel();
  return count;
}

}  // namespace kones
