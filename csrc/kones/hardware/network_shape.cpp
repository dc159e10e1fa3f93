#include "kones/hardware/network_shape.h"

#include <cstdlib>
#include <stdexcept>

#include "kones/hardware/widths.h"
#include "kones/package/geometry.h"

namespace kones::hardware {
namespace {

/// The largest magnitude that an operand takes.
int64_t magnitude_of(const Operand& operand) {
  if (operand.kind == Operand::Kind::sign) return 1;
  return operand.stored_bits == operand.bits ? (int64_t{1} << operand.bits) - 1  // unsigned
                                             : (int64_t{1} << (operand.bits - 1)) - 1;
}

/// Bits that hold any sum of `fan_in` products; 32 where weights are float32.
int accumulator_bits(const std::optional<NumberFormat>& format, int64_t fan_in, const Operand& input) {
  if (!format) return 32;
  const int64_t level = std::max(std::abs(int64_t{format->min_level()}), int64_t{format->max_level()});
  return signed_bits(fan_in * level * magnitude_of(input));
}

/// A layer's input or output.
struct Extents {
  int64_t channels;
  int64_t height;
  int64_t width;

  int64_t elements() const { return channels * height * width; }
};

/// The layer's work, but for what its operands are; `extents` is its input, and becomes what its pooling puts
/// out.
LayerWork shape_work(const LayerShape& layer, Extents& extents, std::size_t index) {
  LayerWork work;
  const bool is_conv = layer.kind == LayerShape::Kind::conv2d;
  work.name = (is_conv ? "conv" : "linear") + std::to_string(index + 1);
  work.operation = is_conv ? "Conv2d" : "Linear";
  work.channels = layer.outputs;
  work.biases = layer.outputs;
  work.groups = layer.groups;
  work.distinct_inputs = extents.elements();
  work.fan_in = is_conv ? extents.channels / layer.groups * layer.kernel * layer.kernel : extents.elements();
  if (!is_conv) {
    extents = {layer.outputs, 1, 1};
    return work;
  }
  const auto sums = [&layer](int64_t size) {
    return package::convolution_extent(size, layer.kernel, layer.stride, layer.padding, layer.dilation);
  };
  const auto pooled = [&layer](int64_t size) {
    return package::pooling_extent(size, layer.pool_kernel, layer.pool_stride, layer.pool_padding,
                                   layer.pool_ceil_mode);
  };
  work.positions = sums(extents.height) * sums(extents.width);
  extents = {layer.outputs, pooled(sums(extents.height)), pooled(sums(extents.width))};
  if (work.positions == 0 || extents.elements() == 0)
    throw std::invalid_argument(work.name + ": its window does not fit into its input");
  return work;
}

}  // namespace

NetworkWork work_of(const NetworkShape& shape, const MethodFormats& method) {
  NetworkWork network = {shape.name, method.name, {}};
  const Operand inner = method.sign_activations ? Operand::sign() : Operand::fixed_point(activation_bits);
  std::vector<Extents> outputs;
  for (std::size_t index = 0; index < shape.layers.size(); ++index) {
    const LayerShape& layer = shape.layers[index];
    for (const std::optional<std::size_t>& named : {layer.input, layer.residual}) {
      if (named && *named >= index) {
        throw std::invalid_argument("layer " + std::to_string(index + 1) + " needs layer " +
                                    std::to_string(*named + 1) + ", which does not come before it");
      }
    }
    const bool reads_picture = index == 0;
    Extents extents = reads_picture ? Extents{shape.channels, shape.height, shape.width}
                                    : outputs[layer.input.value_or(index - 1)];
    LayerWork work = shape_work(layer, extents, index);
    outputs.push_back(extents);
    work.format = method.weights;
    work.input = reads_picture ? Operand::byte() : inner;
    work.accumulator_bits = accumulator_bits(work.format, work.fan_in, work.input);
    const bool is_last = index + 1 == shape.layers.size();
    work.output = is_last ? Operand::fixed_point(work.accumulator_bits) : inner;
    if (layer.residual) {
      work.additions = extents.elements();
      work.addition_bits = work.accumulator_bits;
      work.branch_bits = extents.elements() * inner.stored_bits;
    }
    network.layers.push_back(std::move(work));
  }
  return network;
}

const std::vector<NetworkShape>& paper_networks() {
  using L = LayerShape;
  static const std::vector<NetworkShape> networks = {
      {"mnist-1hidden", 1, 28, 28, {L::linear(100), L::linear(10)}},
      {"mnist-2conv",
       1,
       28,
       28,
       {L::conv2d(20, 5, 0, 2, 2), L::conv2d(50, 5, 0, 2, 2), L::linear(500), L::linear(10)}},
      {"mnist-3hidden", 1, 28, 28, {L::linear(4096), L::linear(4096), L::linear(4096), L::linear(10)}},
      {"cifar-3conv",
       3,
       32,
       32,
       {L::conv2d(32, 5, 2, 3, 2), L::conv2d(32, 5, 2, 3, 2), L::conv2d(64, 5, 2, 3, 2), L::linear(10)}},
      {"cifar-6conv",
       3,
       32,
       32,
       {L::conv2d(128, 3, 1), L::conv2d(128, 3, 1, 2, 2), L::conv2d(256, 3, 1), L::conv2d(256, 3, 1, 2, 2),
        L::conv2d(512, 3, 1), L::conv2d(512, 3, 1), L::linear(1024), L::linear(1024), L::linear(10)}},
  };
  return networks;
}

const std::vector<MethodFormats>& paper_methods() {
  static const std::vector<MethodFormats> methods = {
      {"float", std::nullopt, false},
      {"lightnn-2", NumberFormat::k_ones(2), false},
      {"lightnn-1", NumberFormat::k_ones(1), false},
      {"binaryconnect", NumberFormat::binary(), false},
      {"lightnn-2-bin", NumberFormat::k_ones(2), true},
      {"lightnn-1-bin", NumberFormat::k_ones(1), true},
      {"binarynet", NumberFormat::binary(), true},
  };
  return methods;
}

}  // namespace kones::hardware
