// Linear and Conv2d. Binary weights on signs are counted (kones/kernels/xnor_conv2d.h), all else is
// multiplied and added (kones/kernels/integer_conv2d.h).
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "kones/engine/binary_layer.h"
#include "kones/engine/layer_kernel.h"
#include "kones/kernels/integer_conv2d.h"

namespace kones::engine {
namespace {

using kernels::IntegerConv2d;
using kernels::IntegerOperand;

/// The levels of a Linear layer for an input that is stored pixel after pixel.
std::vector<int32_t> levels_by_pixel(const package::Weights& weights, const StoredTensor& from) {
  std::vector<int32_t> ordered(weights.levels.size());
  for (int64_t output = 0; output < weights.outputs; ++output) {
    const int32_t* levels = weights.levels.data() + output * weights.inputs;
    int32_t* target = ordered.data() + output * weights.inputs;
    for (int64_t c = 0; c < from.channels; ++c) {
      for (int64_t pixel = 0; pixel < from.pixels(); ++pixel)
        target[pixel * from.channels + c] = levels[c * from.pixels() + pixel];
    }
  }
  return ordered;
}

ConvolutionShape linear_shape(const StoredTensor& from, const StoredTensor& to) {
  ConvolutionShape shape;
  shape.in_channels = from.elements();
  shape.out_channels = to.channels;
  return shape;
}

ConvolutionShape conv_shape(const package::Conv2d& conv, const StoredTensor& from, const StoredTensor& to) {
  return {from.channels,       from.height,        from.width,           to.channels,
          conv.kernel_height,  conv.kernel_width,  conv.stride_height,   conv.stride_width,
          conv.padding_height, conv.padding_width, conv.dilation_height, conv.dilation_width,
          conv.groups};
}

/// The levels of a convolution of bytes with a constant channel.
std::vector<int64_t> byte_levels(const package::Conv2d& conv, int64_t scale, int64_t constant) {
  const package::Weights& weights = conv.weights;
  const int64_t taps = int64_t{conv.kernel_height} * conv.kernel_width;
  std::vector<int64_t> levels;
  for (int64_t output = 0; output < weights.outputs; ++output) {
    const int32_t* of_output = weights.levels.data() + output * weights.inputs;
    std::vector<int64_t> sums(taps, 0);
    for (int64_t input = 0; input < weights.inputs; ++input) {
      levels.push_back(scale * of_output[input]);
      sums[input % taps] += of_output[input];
    }
    for (const int64_t sum : sums) levels.push_back(constant * sum);
  }
  return levels;
}

/// What the kernels take: sums of 32 bits where input, levels and sums allow it.
IntegerOperand operand_of(const StoredTensor& from, const StoredTensor& to,
                          const std::vector<int32_t>& levels) {
  if (to.element == Element::int64) return IntegerOperand::int32;
  for (const int32_t level : levels) {
    if (std::abs(int64_t{level}) > IntegerConv2d::max_level) return IntegerOperand::int32;
  }
  if (from.element == Element::uint8) return IntegerOperand::uint8;
  return from.element == Element::int16 ? IntegerOperand::int16 : IntegerOperand::int32;
}

class IntegerLayer : public LayerKernel {
 public:
  IntegerLayer(const std::vector<int32_t>& levels, const ConvolutionShape& shape, const LayerTensors& tensors)
      : from_(*tensors.inputs[0]),
        conv_(levels.data(), shape, operand_of(from_, *tensors.output, levels),
              conv_zero_point(operand_of(from_, *tensors.output, levels), from_)) {
    if (conv_.operand() == IntegerOperand::int32) tensors.output->element = Element::int64;
  }

  void run(const std::vector<const void*>& inputs, void* output, int64_t images,
           LayerScratch& scratch) const override {
    const int64_t in_stride = conv_.shape().in_channels;
    const int64_t sum_stride = conv_.shape().out_channels;
    switch (conv_.operand()) {
      case IntegerOperand::uint8:
        conv_.run(static_cast<const uint8_t*>(inputs[0]), in_stride, images, static_cast<int32_t*>(output),
                  sum_stride);
        return;
      case IntegerOperand::int16:
        conv_.run(static_cast<const int16_t*>(inputs[0]), in_stride, images, static_cast<int32_t*>(output),
                  sum_stride);
        return;
      case IntegerOperand::int32:
        conv_.run(widened(inputs[0], images, scratch), in_stride, images, static_cast<int64_t*>(output),
                  sum_stride);
        return;
    }
  }

 private:
  static int conv_zero_point(IntegerOperand operand, const StoredTensor& from) {
    return operand == IntegerOperand::uint8 ? static_cast<int>(from.zero_point) : 0;
  }

  /// The input's integers in 32 bits; no layer reads wider ones.
  const int32_t* widened(const void* input, int64_t images, LayerScratch& scratch) const {
    if (from_.element == Element::int32) return static_cast<const int32_t*>(input);
    scratch.integers.resize(images * from_.elements());
    with_element(from_.element, [&](auto zero) {
      const auto* stored = static_cast<const decltype(zero)*>(input);
      for (int32_t& integer : scratch.integers) integer = static_cast<int32_t>(*stored++ - from_.zero_point);
    });
    return scratch.integers.data();
  }

  StoredTensor from_;
  IntegerConv2d conv_;
};

bool is_counted(const package::Weights& weights, const LayerTensors& tensors) {
  return weights.format.family == FormatFamily::binary && tensors.input_kind == package::TensorKind::sign;
}

}  // namespace

bool multiplies_bytes(const package::Conv2d& conv, const package::Input& input,
                      const package::IntegerRange& sums) {
  if (conv.groups != 1 || sums.magnitude() > INT32_MAX) return false;
  const int64_t constant = input.offset + 128 * int64_t{input.multiplier};
  const std::vector<int64_t> levels = byte_levels(conv, input.multiplier, constant);
  return std::all_of(levels.begin(), levels.end(),
                     [](int64_t level) { return std::abs(level) <= IntegerConv2d::max_level; });
}

std::unique_ptr<LayerKernel> make_layer(const package::Linear& linear, const LayerTensors& tensors) {
  const StoredTensor& from = *tensors.inputs[0];
  const std::vector<int32_t> levels = levels_by_pixel(linear.weights, from);
  const ConvolutionShape shape = linear_shape(from, *tensors.output);
  if (is_counted(linear.weights, tensors)) return std::make_unique<BinaryLayer>(levels, shape);
  return std::make_unique<IntegerLayer>(levels, shape, tensors);
}

std::unique_ptr<LayerKernel> make_layer(const package::Conv2d& conv, const LayerTensors& tensors) {
  const StoredTensor& from = *tensors.inputs[0];
  ConvolutionShape shape = conv_shape(conv, from, *tensors.output);
  if (from.has_constant_channel) {
    const std::vector<int64_t> levels = byte_levels(conv, from.scale, from.constant);
    shape.in_channels = from.stored_channels();
    return std::make_unique<IntegerLayer>(std::vector<int32_t>(levels.begin(), levels.end()), shape, tensors);
  }
  if (is_counted(conv.weights, tensors)) return std::make_unique<BinaryLayer>(conv.weights.levels, shape);
  return std::make_unique<IntegerLayer>(conv.weights.levels, shape, tensors);
}

std::unique_ptr<LayerKernel> make_layer_kernel(const package::Operation& operation,
                                               const LayerTensors& tensors) {
  return std::visit([&](const auto& of_layer) { return make_layer(of_layer, tensors); }, operation);
}

}  // namespace kones::engine
