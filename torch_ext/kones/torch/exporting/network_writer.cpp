#include "kones/torch/exporting/network_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <torch/torch.h>

#include "kones/error.h"
#include "kones/package/geometry.h"
#include "kones/package/validate.h"
#include "kones/torch/exporting/export_weights.h"

namespace kones {
namespace {

constexpr int32_t input_multiplier = 2;
constexpr int32_t input_offset = -255;
constexpr int32_t input_divisor = 255;

uint32_t to_u32(int64_t size) {
  return static_cast<uint32_t>(size);
}

/// The bits of accumulators of at most this magnitude. Throws Error where there are none.
int accumulator_bits(const Block& block, int64_t magnitude) {
  if (magnitude <= package::max_accumulator) return 32;
  if (magnitude <= package::max_wide_accumulator) return 64;
  throw Error(block.name + " cannot be exported: its sums can reach " + std::to_string(magnitude) +
              ", beyond the 2^53 - 1 of a 64-bit accumulator; activations of fewer bits would do");
}

/// The largest magnitude of sums of the weights with inputs of at most `input`, or more than any accumulator
/// holds.
int64_t largest_sum(const package::Weights& weights, int64_t input) {
  constexpr int64_t too_large = package::max_wide_accumulator + 1;
  int64_t largest = 0;
  for (size_t output = 0; output < weights.outputs; ++output) {
    const int32_t* levels = weights.levels.data() + output * weights.inputs;
    int64_t sum = 0;
    for (size_t i = 0; i < weights.inputs; ++i) sum += std::abs(int64_t{levels[i]});
    if (sum > too_large / input) return too_large;
    largest = std::max(largest, sum * input);
  }
  return largest;
}

/// Batch norm of every channel as a map from integers of `unit`.
std::vector<AffineMap> channel_maps(const Block& block, double unit) {
  const at::Tensor gamma = block.norm_weight().to(torch::kFloat64);
  const at::Tensor beta = block.norm_bias().to(torch::kFloat64);
  const at::Tensor mean = block.norm_mean().to(torch::kFloat64);
  const at::Tensor variance = block.norm_variance().to(torch::kFloat64);
  std::vector<AffineMap> maps;
  for (int64_t c = 0; c < block.shape.outputs; ++c) {
    maps.push_back(fold_norm({gamma[c].item<double>(), beta[c].item<double>(), mean[c].item<double>(),
                              variance[c].item<double>(), block.norm_options().eps()},
                             unit));
  }
  return maps;
}

bool has_signs(const Block& block) {
  return !block.activation.is_empty() && block.activation->kind() == nn::ActivationKind::sign;
}

/// The largest magnitude of a block's fixed-point output.
int64_t largest_integer(const Block& block, const ActivationFormat& format) {
  const bool is_signed = block.activation.is_empty();
  return is_signed ? int64_t{1} << (format.bits - 1) : (int64_t{1} << format.bits) - 1;
}

std::string place_of(const Block& block, size_t channel) {
  return block.name + ", channel " + std::to_string(channel);
}

/// The windows of MaxPool2d and AvgPool2d.
template <typename Operation>
Operation windows_of(const Pooling& pooling) {
  Operation operation;
  operation.kernel_height = operation.kernel_width = to_u32(pooling.kernel);
  operation.stride_height = operation.stride_width = to_u32(pooling.stride);
  operation.padding_height = operation.padding_width = to_u32(pooling.padding);
  operation.ceil_mode = pooling.ceil_mode;
  return operation;
}

}  // namespace

NetworkWriter::NetworkWriter(const Topology& topology, package::Network& network) : network_(network) {
  network_.input = {0, input_multiplier, input_offset, input_divisor};
  network_.tensors.push_back(package::Tensor::integer("input", to_u32(topology.channels),
                                                      to_u32(topology.height), to_u32(topology.width)));
}

void NetworkWriter::add_block(const Block& block, const std::optional<ActivationFormat>& format) {
  Signal signal = add_weights(block, input_of(block));
  if (block.shape.pooling.kind != Pooling::Kind::none) signal = add_pooling(block, signal);
  const bool has_output = format || has_signs(block);
  if (!has_output && block.shape.residual) {
    throw Error(block.name + " cannot be exported: it adds a residual and has no activation");
  }
  if (block.shape.residual) {
    signal = add_residual(block, signal, format);
  } else if (has_signs(block)) {
    signal = add_threshold(block, signal);
  } else if (format) {
    signal = add_requantize(block, signal, *format);
  }
  written_.push_back({block, signal, has_output});
}

void NetworkWriter::finish() {
  network_.output = written_.back().signal.tensor;
}

NetworkWriter::Signal NetworkWriter::input_of(const Block& block) const {
  if (written_.empty()) return {0, 1.0 / input_divisor, std::abs(int64_t{input_offset})};
  const Written& source = block.shape.input ? written_[*block.shape.input] : written_.back();
  if (!source.is_normalized) {
    throw Error(block.name + " cannot be exported: it reads " + source.block.name +
                ", which has no activation and can only be a residual");
  }
  return source.signal;
}

NetworkWriter::Signal NetworkWriter::add_layer(std::string name, std::vector<uint32_t> inputs,
                                               package::Tensor output, package::Operation operation,
                                               double unit, int64_t magnitude) {
  const Signal result = {to_u32(static_cast<int64_t>(network_.tensors.size())), unit, magnitude};
  network_.tensors.push_back(std::move(output));
  network_.layers.push_back({std::move(name), std::move(inputs), result.tensor, std::move(operation)});
  return result;
}

NetworkWriter::Signal NetworkWriter::add_weights(const Block& block, const Signal& input) {
  const package::Tensor from = tensor_of(input);
  ExportedWeights exported = export_weights(block);
  const int64_t magnitude = largest_sum(exported.weights, input.magnitude);
  const int bits = accumulator_bits(block, magnitude);
  const double unit = input.unit * exported.unit;
  const std::string name = block.name + ".accumulator";
  const uint32_t outputs = exported.weights.outputs;
  if (block.conv.is_empty()) {
    return add_layer(block.name, {input.tensor}, package::Tensor::integer(name, outputs, 1, 1, bits),
                     package::Linear{std::move(exported.weights)}, unit, magnitude);
  }
  const nn::QuantizedConv2dOptions& options = block.conv->options();
  package::Conv2d conv;
  conv.weights = std::move(exported.weights);
  conv.kernel_height = conv.kernel_width = to_u32(options.kernel_size);
  conv.stride_height = conv.stride_width = to_u32(options.stride);
  conv.padding_height = conv.padding_width = to_u32(options.padding);
  conv.dilation_height = conv.dilation_width = to_u32(options.dilation);
  conv.groups = to_u32(options.groups);
  const auto extent = [&options](uint32_t size) {
    return to_u32(package::convolution_extent(size, options.kernel_size, options.stride, options.padding,
                                              options.dilation));
  };
  return add_layer(block.name, {input.tensor},
                   package::Tensor::integer(name, outputs, extent(from.height), extent(from.width), bits),
                   std::move(conv), unit, magnitude);
}

NetworkWriter::Signal NetworkWriter::add_pooling(const Block& block, const Signal& input) {
  const package::Tensor from = tensor_of(input);
  const Pooling& pooling = block.shape.pooling;
  const auto extent = [&pooling](uint32_t size) {
    return to_u32(
        package::pooling_extent(size, pooling.kernel, pooling.stride, pooling.padding, pooling.ceil_mode));
  };
  const auto pooled = [&](int bits) {
    return package::Tensor::integer(block.name + ".pooled", from.channels, extent(from.height),
                                    extent(from.width), bits);
  };
  const std::string name = block.name + ".pool";
  if (pooling.kind == Pooling::Kind::max) {
    return add_layer(name, {input.tensor}, pooled(from.bits), windows_of<package::MaxPool2d>(pooling),
                     input.unit, input.magnitude);
  }
  const auto multiple_of = [&pooling](uint32_t size) {
    return package::pooling_multiple(size, pooling.kernel, pooling.stride, pooling.padding,
                                     pooling.ceil_mode);
  };
  const int64_t multiple = multiple_of(from.height) * multiple_of(from.width);
  if (multiple == 0 || multiple > package::max_pooling_multiple) {
    throw Error(block.name +
                " cannot be exported: its average pooling has windows of so many sizes that "
                "their least common multiple is beyond " +
                std::to_string(package::max_pooling_multiple));
  }
  auto average = windows_of<package::AvgPool2d>(pooling);
  average.multiple = to_u32(multiple);
  const int64_t magnitude = input.magnitude > package::max_wide_accumulator / multiple
                                ? package::max_wide_accumulator + 1
                                : input.magnitude * multiple;
  return add_layer(name, {input.tensor}, pooled(accumulator_bits(block, magnitude)), average,
                   input.unit / static_cast<double>(multiple), magnitude);
}

NetworkWriter::Signal NetworkWriter::add_threshold(const Block& block, const Signal& input) {
  package::Threshold threshold;
  const std::vector<AffineMap> maps = channel_maps(block, input.unit);
  for (size_t c = 0; c < maps.size(); ++c) {
    append_threshold(maps[c], tensor_of(input).bits, place_of(block, c), threshold);
  }
  return add_signs(block, input, std::move(threshold));
}

NetworkWriter::Signal NetworkWriter::add_signs(const Block& block, const Signal& input,
                                               package::Threshold threshold) {
  const package::Tensor from = tensor_of(input);
  return add_layer(block.name + ".sign", {input.tensor},
                   package::Tensor::sign(block.name + ".output", from.channels, from.height, from.width),
                   std::move(threshold), 1.0, 1);
}

package::Tensor NetworkWriter::activations(const Block& block, const package::Tensor& like,
                                           const ActivationFormat& format) const {
  return package::Tensor::fixed_point(block.name + ".output", like.channels, like.height, like.width,
                                      format.bits, /*is_signed=*/block.activation.is_empty(),
                                      format.fraction_bits);
}

NetworkWriter::Signal NetworkWriter::add_requantize(const Block& block, const Signal& input,
                                                    const ActivationFormat& format) {
  package::Requantize requantize;
  const std::vector<AffineMap> maps = channel_maps(block, input.unit);
  for (size_t c = 0; c < maps.size(); ++c) {
    append_requantize(maps[c], format.fraction_bits, place_of(block, c), requantize);
  }
  return add_layer(block.name + ".requantize", {input.tensor}, activations(block, tensor_of(input), format),
                   std::move(requantize), std::ldexp(1.0, -format.fraction_bits),
                   largest_integer(block, format));
}

std::vector<AffineMap> NetworkWriter::residual_maps(const Written& residual) const {
  if (!residual.is_normalized) return channel_maps(residual.block, residual.signal.unit);
  return std::vector<AffineMap>(tensor_of(residual.signal).channels, {residual.signal.unit, 0.0});
}

NetworkWriter::Signal NetworkWriter::add_residual(const Block& block, const Signal& input,
                                                  const std::optional<ActivationFormat>& format) {
  const Written& residual = written_[*block.shape.residual];
  const std::vector<AffineMap> sums = channel_maps(block, input.unit);
  const std::vector<AffineMap> residuals = residual_maps(residual);
  const bool signs = has_signs(block);
  const int fraction_bits = signs ? sum_fraction_bits : format->fraction_bits;
  const AdditionPrecision precision = signs ? AdditionPrecision{30, false} : AdditionPrecision{15, true};
  package::Add add;
  for (size_t c = 0; c < sums.size(); ++c) {
    append_add(sums[c], residuals[c], fraction_bits, precision, place_of(block, c), add);
  }
  const std::vector<uint32_t> inputs = {input.tensor, residual.signal.tensor};
  const package::Tensor like = tensor_of(input);
  const double unit = std::ldexp(1.0, -fraction_bits);
  if (!signs) {
    return add_layer(block.name + ".add", inputs, activations(block, like, *format), std::move(add), unit,
                     largest_integer(block, *format));
  }
  const Signal sum = add_layer(block.name + ".add", inputs,
                               package::Tensor::fixed_point(block.name + ".sum", like.channels, like.height,
                                                            like.width, sum_bits, true, fraction_bits),
                               std::move(add), unit, int64_t{1} << (sum_bits - 1));
  package::Threshold threshold;
  threshold.threshold.assign(like.channels, 0);
  threshold.rising.assign(like.channels, 1);
  return add_signs(block, sum, std::move(threshold));
}

}  // namespace kones
