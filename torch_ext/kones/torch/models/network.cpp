#include "kones/torch/models/network.h"

#include <torch/torch.h>

#include "kones/torch/nn/binary_block.h"
#include "kones/torch/nn/binary_kernel.h"
#include "kones/torch/ops/signs.h"

namespace kones {
namespace {

constexpr double norm_epsilon = 1e-4;
constexpr double norm_momentum = 0.1;

nn::ConvolutionGeometry geometry_of(const Block& block) {
  if (block.conv.is_empty()) return {};
  const nn::QuantizedConv2dOptions& options = block.conv->options();
  return {{options.stride, options.stride},
          {options.padding, options.padding},
          {options.dilation, options.dilation},
          options.groups};
}

bool has_binary_weights(const Block& block) {
  const std::optional<NumberFormat>& format = block.weight()->quantizer().format;
  return format && format->family == FormatFamily::binary;
}

/// Pooling and batch norm of a block's sums.
at::Tensor normalized(Block& block, at::Tensor sums) {
  if (block.norm2d.is_empty()) return block.norm1d->forward(sums);
  if (block.shape.max_pool > 1) sums = torch::max_pool2d(sums, block.shape.max_pool);
  return block.norm2d->forward(sums);
}

/// The block as one step of autograd, where that is what LibTorch's operators in a row give.
at::Tensor forward_binary_training(Block& block, const at::Tensor& x, bool signs) {
  const torch::nn::BatchNormOptions options = block.norm_options();
  const nn::TrainingNorm norm = {block.norm_weight(),   block.norm_bias(),          block.norm_mean(),
                                 block.norm_variance(), options.momentum().value(), options.eps()};
  block.norm_batch_count() += 1;
  nn::BinaryBlockOptions how;
  how.geometry = geometry_of(block);
  how.max_pool = block.shape.max_pool;
  how.signs = signs;
  return nn::binary_block(x, block.weight()->forward(), norm, how);
}

/// One block up to its activation; `signs`: x holds -1 and +1.
at::Tensor forward_block(Block& block, const at::Tensor& x, bool signs) {
  const bool is_training = block.weight()->is_training() && block.norm_options().momentum().has_value();
  if (has_binary_weights(block) && at::GradMode::is_enabled() && is_training && x.scalar_type() == at::kFloat)
    return forward_binary_training(block, x, signs);
  if (has_binary_weights(block) && !at::GradMode::is_enabled() && signs) {
    const at::Tensor weight = block.weight()->forward();
    const nn::ConvolutionGeometry geometry = geometry_of(block);
    const at::Tensor x_words = std::get<0>(ops::pack_signs_masked(x, geometry.groups, false));
    const at::Tensor weight_words = std::get<0>(ops::pack_signs_masked(weight, 1, false));
    return normalized(block, nn::multiply_signs({x_words, x}, {weight_words, weight}, geometry));
  }
  return normalized(block, block.conv.is_empty() ? block.linear->forward(x) : block.conv->forward(x));
}

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
  // The order in which signs are packed and their sums come out; LibTorch's convolutions are no slower in it.
  const bool multiplies_signs =
      method_.activation == nn::ActivationKind::sign && has_binary_weights(blocks_.front());
  at::Tensor y = multiplies_signs && x.dim() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
  bool signs = false;
  for (Block& block : blocks_) {
    y = forward_block(block, block.conv.is_empty() ? y.flatten(1) : y, signs);
    signs = !block.activation.is_empty() && block.activation->kind() == nn::ActivationKind::sign;
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
