#include "kones/engine/binary_layer.h"

#include <algorithm>
#include <variant>

#include "kones/kernels/xnor_conv2d.h"

namespace kones::engine {
namespace {

using package::Conv2d;
using package::Linear;
using package::Tensor;

XnorShape shape_of(const Linear& linear, const Tensor&, const Tensor&) {
  XnorShape shape;
  shape.in_channels = linear.weights.inputs;
  shape.out_channels = linear.weights.outputs;
  return shape;
}

XnorShape shape_of(const Conv2d& conv, const Tensor& from, const Tensor& to) {
  XnorShape shape;
  shape.in_channels = from.channels;
  shape.in_height = from.height;
  shape.in_width = from.width;
  shape.out_channels = to.channels;
  shape.kernel_height = conv.kernel_height;
  shape.kernel_width = conv.kernel_width;
  shape.stride_height = conv.stride_height;
  shape.stride_width = conv.stride_width;
  shape.padding_height = conv.padding_height;
  shape.padding_width = conv.padding_width;
  shape.dilation_height = conv.dilation_height;
  shape.dilation_width = conv.dilation_width;
  shape.groups = conv.groups;
  return shape;
}

/// The words of [groups][channels][pixels] numbers in the order [pixels][groups][words], negative ones as set
/// bits.
void pack(const int32_t* numbers, int64_t groups, int64_t channels, int64_t pixels, uint64_t* words) {
  const int64_t group_words = (channels + 63) / 64;
  std::fill_n(words, pixels * groups * group_words, 0);
  for (int64_t group = 0; group < groups; ++group) {
    for (int64_t channel = 0; channel < channels; ++channel, numbers += pixels) {
      uint64_t* word = words + group * group_words + channel / 64;
      const int bit = static_cast<int>(channel % 64);
      for (int64_t pixel = 0; pixel < pixels; ++pixel)
        word[pixel * groups * group_words] |= static_cast<uint64_t>(numbers[pixel] < 0) << bit;
    }
  }
}

}  // namespace

bool BinaryLayer::is_one(const package::Network& network, const package::Layer& layer) {
  const package::Weights* weights = package::weights_of(layer.operation);
  return weights != nullptr && weights->format.family == FormatFamily::binary &&
         network.tensors[layer.inputs[0]].kind == package::TensorKind::sign;
}

BinaryLayer::BinaryLayer(const package::Network& network, const package::Layer& layer) {
  const Tensor& from = network.tensors[layer.inputs[0]];
  const Tensor& to = network.tensors[layer.output];
  const package::Weights* weights = nullptr;
  if (const auto* conv = std::get_if<Conv2d>(&layer.operation)) {
    shape_ = shape_of(*conv, from, to);
    weights = &conv->weights;
  } else {
    const Linear& linear = std::get<Linear>(layer.operation);
    shape_ = shape_of(linear, from, to);
    weights = &linear.weights;
  }
  const int64_t tap_words = shape_.taps() * shape_.group_words();
  std::vector<uint64_t> words(shape_.out_channels * tap_words);
  for (int64_t output = 0; output < shape_.out_channels; ++output) {
    pack(weights->levels.data() + output * weights->inputs, 1, shape_.group_in_channels(), shape_.taps(),
         words.data() + output * tap_words);
  }
  prepacked_.resize((shape_.prepacked_bytes() + 7) / 8);
  kernels::xnor_prepack(words.data(), shape_, prepacked_.data());
}

void BinaryLayer::compute(const int32_t* source, int32_t* target, std::vector<uint64_t>& words) const {
  const int64_t pixels = shape_.in_height * shape_.in_width;
  words.resize(pixels * shape_.groups * shape_.group_words());
  pack(source, shape_.groups, shape_.group_in_channels(), pixels, words.data());
  kernels::XnorInput input;
  input.data = words.data();
  XnorOutput<int32_t> output;
  output.values = target;
  output.pixel_stride = 1;
  output.channel_stride = shape_.out_height() * shape_.out_width();
  kernels::xnor_conv2d(input, prepacked_.data(), shape_, {}, output);
}

}  // namespace kones::engine
