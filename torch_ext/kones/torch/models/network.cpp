#include "kones/torch/models/network.h"

#include <torch/torch.h>

#include "kones/package/geometry.h"
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

at::Tensor pooled(const Pooling& pooling, const at::Tensor& x) {
  switch (pooling.kind) {
    case Pooling::Kind::none:
      return x;
    case Pooling::Kind::max:
      return torch::max_pool2d(x, pooling.kernel, pooling.stride, pooling.padding, 1, pooling.ceil_mode);
    case Pooling::Kind::average:
      return at::avg_pool2d(x, pooling.kernel, pooling.stride, pooling.padding, pooling.ceil_mode,
                            /*count_include_pad=*/false);
  }
  TORCH_CHECK(false, "no such pooling");
}

/// Pooling and batch norm of a block's sums.
at::Tensor normalized(Block& block, const at::Tensor& sums) {
  if (block.norm2d.is_empty()) {
    const bool narrow = sums.scalar_type() == at::kBFloat16;
    return block.norm1d->forward(narrow ? sums.to(at::kFloat) : sums);
  }
  return block.norm2d->forward(pooled(block.shape.pooling, sums));
}

/// Whether nn::binary_block knows the pooling.
bool is_plain(const Pooling& pooling) {
  return pooling.kind == Pooling::Kind::none ||
         (pooling.kind == Pooling::Kind::max && pooling.kernel == pooling.stride && pooling.padding == 0 &&
          !pooling.ceil_mode);
}

/// The block as one step of autograd, where that is what LibTorch's operators in a row give.
at::Tensor forward_binary_training(Block& block, const at::Tensor& x, bool signs) {
  const torch::nn::BatchNormOptions options = block.norm_options();
  const nn::TrainingNorm norm = {block.norm_weight(),   block.norm_bias(),          block.norm_mean(),
                                 block.norm_variance(), options.momentum().value(), options.eps()};
  block.norm_batch_count() += 1;
  nn::BinaryBlockOptions how;
  how.geometry = geometry_of(block);
  how.max_pool = block.shape.pooling.kernel;
  how.signs = signs;
  return nn::binary_block(x, block.weight()->forward(), norm, how);
}

/// One block up to its activation; `signs`: x holds -1 and +1.
at::Tensor forward_block(Block& block, const at::Tensor& x, bool signs) {
  const bool is_training = block.weight()->is_training() && block.norm_options().momentum().has_value();
  if (has_binary_weights(block) && is_plain(block.shape.pooling) && at::GradMode::is_enabled() &&
      is_training && x.scalar_type() == at::kFloat) {
    return forward_binary_training(block, x, signs);
  }
  if (has_binary_weights(block) && !at::GradMode::is_enabled() && signs && x.scalar_type() != at::kBFloat16) {
    const at::Tensor weight = block.weight()->forward();
    const nn::ConvolutionGeometry geometry = geometry_of(block);
    const at::Tensor x_words = std::get<0>(ops::pack_signs_masked(x, geometry.groups, false));
    const at::Tensor weight_words = std::get<0>(ops::pack_signs_masked(weight, 1, false));
    return normalized(block, nn::multiply_signs({x_words, x}, {weight_words, weight}, geometry));
  }
  return normalized(block, block.conv.is_empty() ? block.linear->forward(x) : block.conv->forward(x));
}

struct Extents {
  int64_t channels;
  int64_t height;
  int64_t width;

  bool operator==(const Extents& other) const {
    return channels == other.channels && height == other.height && width == other.width;
  }
};

Extents output_extents(const LayerShape& shape, const Extents& input) {
  if (shape.kind == LayerShape::Kind::linear) return {shape.outputs, 1, 1};
  const auto extent = [&shape](int64_t size) {
    const int64_t sums =
        package::convolution_extent(size, shape.kernel, shape.stride, shape.padding, shape.dilation);
    const Pooling& pooling = shape.pooling;
    if (pooling.kind == Pooling::Kind::none) return sums;
    return package::pooling_extent(sums, pooling.kernel, pooling.stride, pooling.padding, pooling.ceil_mode);
  };
  return {shape.outputs, extent(input.height), extent(input.width)};
}

bool has_sign_output(const Block& block) {
  return !block.activation.is_empty() && block.activation->kind() == nn::ActivationKind::sign;
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

NetworkImpl::NetworkImpl(const Topology& topology, const Method& method, int activation_bits)
    : topology_(topology), method_(method), last_reader_(topology.layers.size(), 0) {
  TORCH_CHECK_VALUE(!topology.is_open(), topology.name,
                    ": its shape is for the data set to say (fit_topology)");
  const Extents pictures = {topology.channels, topology.height, topology.width};
  std::vector<Extents> extents;  // of each block's output
  for (size_t i = 0; i < topology.layers.size(); ++i) {
    const LayerShape& shape = topology.layers[i];
    const std::string number = std::to_string(i + 1);
    for (const std::optional<size_t>& named : {shape.input, shape.residual}) {
      if (!named) continue;
      TORCH_CHECK_VALUE(*named < i, topology.name, ": layer ", number, " needs layer ", *named + 1,
                        ", which does not come before it");
      last_reader_[*named] = i;
    }
    const Extents input = shape.input ? extents[*shape.input] : i == 0 ? pictures : extents.back();
    const auto norm = torch::nn::BatchNormOptions(shape.outputs).eps(norm_epsilon).momentum(norm_momentum);
    Block block;
    block.shape = shape;
    if (shape.kind == LayerShape::Kind::conv2d) {
      block.name = "conv" + number;
      nn::QuantizedConv2dOptions options;
      options.in_channels = input.channels;
      options.out_channels = shape.outputs;
      options.kernel_size = shape.kernel;
      options.stride = shape.stride;
      options.padding = shape.padding;
      options.dilation = shape.dilation;
      options.groups = shape.groups;
      block.conv = register_module(block.name, nn::QuantizedConv2d(options, method.weights));
      block.norm2d = register_module("norm" + number, torch::nn::BatchNorm2d(norm));
    } else {
      block.name = "linear" + number;
      block.linear = register_module(
          block.name,
          nn::QuantizedLinear(input.channels * input.height * input.width, shape.outputs, method.weights));
      block.norm1d = register_module("norm" + number, torch::nn::BatchNorm1d(norm));
    }
    extents.push_back(output_extents(shape, input));
    TORCH_CHECK_VALUE(extents.back().height > 0 && extents.back().width > 0, topology.name,
                      ": the windows of ", block.name, " do not fit into its input");
    TORCH_CHECK_VALUE(!shape.residual || extents[*shape.residual] == extents.back(), topology.name,
                      ": the residual of ", block.name, " has another shape than its output");
    if (shape.has_activation && i + 1 < topology.layers.size()) {
      const int bits = method.activation == nn::ActivationKind::relu ? activation_bits : 0;
      block.activation = register_module("activation" + number, nn::Activation(method.activation, bits));
    }
    blocks_.push_back(std::move(block));
  }
}

at::Tensor NetworkImpl::forward(const at::Tensor& x) {
  return observed_forward(x, [](const Block&, const at::Tensor&) {});
}

at::Tensor NetworkImpl::observed_forward(const at::Tensor& x, const Observer& observe) {
  nn::quantize_weights(*this);
  const at::ScalarType type = type_.value_or(x.scalar_type());
  // The order in which signs are packed and their sums come out, and LibTorch's convolutions are fastest.
  at::Tensor y = x.dim() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
  const bool drops = is_training() && at::GradMode::is_enabled();
  if (drops && input_dropout_ > 0.0) y = torch::dropout(y, input_dropout_, true);
  std::vector<at::Tensor> kept(blocks_.size());  // outputs that later blocks name
  for (size_t i = 0; i < blocks_.size(); ++i) {
    Block& block = blocks_[i];
    const LayerShape& shape = block.shape;
    const at::Tensor input = (shape.input ? kept[*shape.input] : y).to(type);
    const bool has_source = shape.input.has_value() || i > 0;
    const size_t source = shape.input ? *shape.input : i - 1;
    // What dropout leaves of signs, 0 and larger numbers, is none.
    const bool signs = has_source && has_sign_output(blocks_[source]) &&
                       !(drops && hidden_dropout_ > 0.0 && blocks_[source].conv.is_empty());
    y = forward_block(block, block.conv.is_empty() ? input.flatten(1) : input, signs);
    if (shape.residual) y = y + kept[*shape.residual];
    if (!block.activation.is_empty()) y = block.activation->forward(y);
    if (drops && hidden_dropout_ > 0.0 && !block.activation.is_empty() && block.conv.is_empty())
      y = torch::dropout(y, hidden_dropout_, true);
    if (last_reader_[i] > i) kept[i] = y;
    for (const std::optional<size_t>& named : {shape.input, shape.residual}) {
      if (named && last_reader_[*named] == i) kept[*named] = at::Tensor();
    }
    observe(block, y);
  }
  return y.flatten(1).to(type_ ? at::kFloat : x.scalar_type());
}

void NetworkImpl::set_dropout(double inputs, double hidden) {
  input_dropout_ = inputs;
  hidden_dropout_ = hidden;
}

int64_t NetworkImpl::weight_count() const {
  int64_t count = 0;
  for (const Block& block : blocks_) count += block.weight()->latent.numel();
  return count;
}

}  // namespace kones
