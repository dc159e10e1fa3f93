#include "kones/engine/reference.h"

#include <algorithm>
#include <variant>

namespace kones::engine {
namespace {

using package::Conv2d;
using package::Linear;
using package::MaxPool2d;
using package::Requantize;
using package::Tensor;
using package::Threshold;

using Integers = std::vector<int32_t>;

int64_t index_of(const Tensor& tensor, int64_t channel, int64_t y, int64_t x) {
  return (channel * tensor.height + y) * tensor.width + x;
}

bool is_inside(const Tensor& tensor, int64_t y, int64_t x) {
  return y >= 0 && y < tensor.height && x >= 0 && x < tensor.width;
}

Integers compute(const Linear& linear, const Tensor&, const Tensor& output, const Integers& input) {
  Integers result(output.elements());
  for (int64_t o = 0; o < output.channels; ++o) {
    int32_t sum = 0;
    for (int64_t i = 0; i < linear.weights.inputs; ++i) {
      sum += linear.weights.levels[o * linear.weights.inputs + i] * input[i];
    }
    result[o] = sum;
  }
  return result;
}

Integers compute(const Conv2d& conv, const Tensor& from, const Tensor& to, const Integers& input) {
  Integers result(to.elements());
  const int64_t inputs_of_group = from.channels / conv.groups;
  const int64_t outputs_of_group = to.channels / conv.groups;
  for (int64_t o = 0; o < to.channels; ++o) {
    for (int64_t y = 0; y < to.height; ++y) {
      for (int64_t x = 0; x < to.width; ++x) {
        int32_t sum = 0;
        for (int64_t c = 0; c < inputs_of_group; ++c) {
          for (int64_t ky = 0; ky < conv.kernel_height; ++ky) {
            for (int64_t kx = 0; kx < conv.kernel_width; ++kx) {
              const int64_t from_y = y * conv.stride_height - conv.padding_height + ky * conv.dilation_height;
              const int64_t from_x = x * conv.stride_width - conv.padding_width + kx * conv.dilation_width;
              if (!is_inside(from, from_y, from_x)) continue;
              const int64_t from_c = o / outputs_of_group * inputs_of_group + c;
              const int64_t i = (c * conv.kernel_height + ky) * conv.kernel_width + kx;
              sum += conv.weights.levels[o * conv.weights.inputs + i] *
                     input[index_of(from, from_c, from_y, from_x)];
            }
          }
        }
        result[index_of(to, o, y, x)] = sum;
      }
    }
  }
  return result;
}

Integers compute(const MaxPool2d& pool, const Tensor& from, const Tensor& to, const Integers& input) {
  Integers result(to.elements());
  for (int64_t c = 0; c < to.channels; ++c) {
    for (int64_t y = 0; y < to.height; ++y) {
      for (int64_t x = 0; x < to.width; ++x) {
        int32_t largest = INT32_MIN;
        for (int64_t ky = 0; ky < pool.kernel_height; ++ky) {
          for (int64_t kx = 0; kx < pool.kernel_width; ++kx) {
            const int64_t from_y = y * pool.stride_height - pool.padding_height + ky;
            const int64_t from_x = x * pool.stride_width - pool.padding_width + kx;
            if (is_inside(from, from_y, from_x))
              largest = std::max(largest, input[index_of(from, c, from_y, from_x)]);
          }
        }
        result[index_of(to, c, y, x)] = largest;
      }
    }
  }
  return result;
}

Integers compute(const Requantize& requantize, const Tensor& from, const Tensor& to, const Integers& input) {
  const int64_t smallest = to.is_signed ? -(int64_t{1} << (to.bits - 1)) : 0;
  const int64_t largest = to.is_signed ? (int64_t{1} << (to.bits - 1)) - 1 : (int64_t{1} << to.bits) - 1;
  Integers result(to.elements());
  for (int64_t index = 0; index < to.elements(); ++index) {
    const int64_t c = index / from.pixels();
    const int64_t scaled = int64_t{input[index]} * requantize.multiplier[c] + requantize.addend[c];
    // The shift of a negative integer is arithmetic, that is, it rounds down.
    const int64_t shifted = scaled >> requantize.shift[c];
    result[index] = static_cast<int32_t>(std::min(std::max(shifted, smallest), largest));
  }
  return result;
}

Integers compute(const Threshold& threshold, const Tensor& from, const Tensor& to, const Integers& input) {
  Integers result(to.elements());
  for (int64_t index = 0; index < to.elements(); ++index) {
    const int64_t c = index / from.pixels();
    const bool is_positive = threshold.rising[c] != 0 ? input[index] >= threshold.threshold[c]
                                                      : input[index] <= threshold.threshold[c];
    result[index] = is_positive ? 1 : -1;
  }
  return result;
}

}  // namespace

std::vector<int32_t> reference_layer(const package::Network& network, const package::Layer& layer,
                                     const std::vector<int32_t>& input) {
  const Tensor& from = network.tensors[layer.inputs[0]];
  const Tensor& to = network.tensors[layer.output];
  return std::visit([&](const auto& operation) { return compute(operation, from, to, input); },
                    layer.operation);
}

std::vector<std::vector<int32_t>> reference_integers(const package::Network& network, const uint8_t* image) {
  std::vector<Integers> tensors(network.tensors.size());
  Integers& input = tensors[network.input.tensor];
  for (int64_t index = 0; index < network.tensors[network.input.tensor].elements(); ++index) {
    input.push_back(
        static_cast<int32_t>(int64_t{network.input.multiplier} * image[index] + network.input.offset));
  }
  for (const package::Layer& layer : network.layers) {
    tensors[layer.output] = reference_layer(network, layer, tensors[layer.inputs[0]]);
  }
  return tensors;
}

}  // namespace kones::engine
