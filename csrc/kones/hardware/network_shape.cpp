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

/// Where the chain stands.
struct Position {
  int64_t channels;
  int64_t height;
  int64_t width;

  int64_t elements() const { return channels * height * width; }
};

/// The layer's work, but for what its operands are; moves `position` behind its pooling.
LayerWork shape_work(const LayerShape& layer, Position& position, std::size_t index) {
  LayerWork work;
  const bool is_conv = layer.kind == LayerShape::Kind::conv2d;
  work.name = (is_conv ? "conv" : "linear") + std::to_string(index + 1);
  work.operation = is_conv ? "Conv2d" : "Linear";
  work.channels = layer.outputs;
  work.biases = layer.outputs;
  work.distinct_inputs = position.elements();
  work.fan_in = is_conv ? position.channels * layer.kernel * layer.kernel : position.elements();
  if (!is_conv) {
    position = {layer.outputs, 1, 1};
    return work;
  }
  const int64_t height = package::convolution_extent(position.height, layer.kernel, 1, layer.padding, 1);
  const int64_t width = package::convolution_extent(position.width, layer.kernel, 1, layer.padding, 1);
  work.positions = height * width;
  position = {layer.outputs, package::pooling_extent(height, layer.pool_kernel, layer.pool_stride, 0, true),
              package::pooling_extent(width, layer.pool_kernel, layer.pool_stride, 0, true)};
  if (work.positions == 0 || position.elements() == 0)
    throw std::invalid_argument(work.name + ": its window does not fit into its input");
  return work;
}

}  // namespace

NetworkWork work_of(const NetworkShape& shape, const MethodFormats& method) {
  NetworkWork network = {shape.name, method.name, {}};
  const Operand inner = method.sign_activations ? Operand::sign() : Operand::fixed_point(activation_bits);
  Position position = {shape.channels, shape.height, shape.width};
  for (std::size_t index = 0; index < shape.layers.size(); ++index) {
    LayerWork work = shape_work(shape.layers[index], position, index);
    work.format = method.weights;
    work.input = index == 0 ? Operand::byte() : inner;
    work.accumulator_bits = accumulator_bits(work.format, work.fan_in, work.input);
    const bool is_last = index + 1 == shape.layers.size();
    work.output = is_last ? Operand::fixed_point(work.accumulator_bits) : inner;
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
