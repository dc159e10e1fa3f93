#include "kones/engine/reference.h"

#include <algorithm>
#include <numeric>
#include <variant>

namespace kones::engine {
namespace {

using package::Add;
using package::AvgPool2d;
using package::Conv2d;
using package::Linear;
using package::MaxPool2d;
using package::Requantize;
using package::Tensor;
using package::Threshold;

int64_t index_of(const Tensor& tensor, int64_t channel, int64_t y, int64_t x) {
  return (channel * tensor.height + y) * tensor.width + x;
}

bool is_inside(const Tensor& tensor, int64_t y, int64_t x) {
  return y >= 0 && y < tensor.height && x >= 0 && x < tensor.width;
}

/// The integers of a layer's input tensors.
using Inputs = std::vector<const Integers*>;

Integers compute(const Linear& linear, const Tensor&, const Tensor& to, const Inputs& inputs) {
  const Integers& input = *inputs[0];
  Integers result(to.elements());
  for (int64_t o = 0; o < to.channels; ++o) {
    int64_t sum = 0;
    for (int64_t i = 0; i < linear.weights.inputs; ++i) {
      sum += linear.weights.levels[o * linear.weights.inputs + i] * input[i];
    }
    result[o] = sum;
  }
  return result;
}

Integers compute(const Conv2d& conv, const Tensor& from, const Tensor& to, const Inputs& inputs) {
  const Integers& input = *inputs[0];
  Integers result(to.elements());
  const int64_t inputs_of_group = from.channels / conv.groups;
  const int64_t outputs_of_group = to.channels / conv.groups;
  for (int64_t o = 0; o < to.channels; ++o) {
    for (int64_t y = 0; y < to.height; ++y) {
      for (int64_t x = 0; x < to.width; ++x) {
        int64_t sum = 0;
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

/// The input's integers under the window of output pixel (y, x).
template <typename Pool>
Integers window_of(const Pool& pool, const Tensor& from, const Integers& input, int64_t c, int64_t y,
                   int64_t x) {
  Integers window;
  for (int64_t ky = 0; ky < pool.kernel_height; ++ky) {
    for (int64_t kx = 0; kx < pool.kernel_width; ++kx) {
      const int64_t from_y = y * pool.stride_height - pool.padding_height + ky;
      const int64_t from_x = x * pool.stride_width - pool.padding_width + kx;
      if (is_inside(from, from_y, from_x)) window.push_back(input[index_of(from, c, from_y, from_x)]);
    }
  }
  return window;
}

Integers compute(const MaxPool2d& pool, const Tensor& from, const Tensor& to, const Inputs& inputs) {
  Integers result(to.elements());
  for (int64_t c = 0; c < to.channels; ++c) {
    for (int64_t y = 0; y < to.height; ++y) {
      for (int64_t x = 0; x < to.width; ++x) {
        const Integers window = window_of(pool, from, *inputs[0], c, y, x);
        result[index_of(to, c, y, x)] = *std::max_element(window.begin(), window.end());
      }
    }
  }
  return result;
}

Integers compute(const AvgPool2d& pool, const Tensor& from, const Tensor& to, const Inputs& inputs) {
  Integers result(to.elements());
  for (int64_t c = 0; c < to.channels; ++c) {
    for (int64_t y = 0; y < to.height; ++y) {
      for (int64_t x = 0; x < to.width; ++x) {
        const Integers window = window_of(pool, from, *inputs[0], c, y, x);
        const int64_t sum = std::accumulate(window.begin(), window.end(), int64_t{0});
        result[index_of(to, c, y, x)] = sum * (pool.multiple / static_cast<int64_t>(window.size()));
      }
    }
  }
  return result;
}

/// Shifts right and saturates to the tensor's range. The shift of a negative integer is arithmetic, that is,
/// it rounds down.
int64_t scaled(int64_t sum, int shift, const Tensor& to) {
  const int64_t smallest = to.is_signed ? -(int64_t{1} << (to.bits - 1)) : 0;
  const int64_t largest = to.is_signed ? (int64_t{1} << (to.bits - 1)) - 1 : (int64_t{1} << to.bits) - 1;
  return std::min(std::max(sum >> shift, smallest), largest);
}

Integers compute(const Requantize& requantize, const Tensor& from, const Tensor& to, const Inputs& inputs) {
  Integers result(to.elements());
  for (int64_t index = 0; index < to.elements(); ++index) {
    const int64_t c = index / from.pixels();
    const int64_t sum = (*inputs[0])[index] * requantize.multiplier[c] + requantize.addend[c];
    result[index] = scaled(sum, requantize.shift[c], to);
  }
  return result;
}

Integers compute(const Add& add, const Tensor& from, const Tensor& to, const Inputs& inputs) {
  Integers result(to.elements());
  for (int64_t index = 0; index < to.elements(); ++index) {
    const int64_t c = index / from.pixels();
    const int64_t sum = (*inputs[0])[index] * add.first_multiplier[c] +
                        (*inputs[1])[index] * add.second_multiplier[c] + add.addend[c];
    result[index] = scaled(sum, add.shift[c], to);
  }
  return result;
}

Integers compute(const Threshold& threshold, const Tensor& from, const Tensor& to, const Inputs& inputs) {
  Integers result(to.elements());
  for (int64_t index = 0; index < to.elements(); ++index) {
    const int64_t c = index / from.pixels();
    const int64_t x = (*inputs[0])[index];
    const bool is_positive =
        threshold.rising[c] != 0 ? x >= threshold.threshold[c] : x <= threshold.threshold[c];
    result[index] = is_positive ? 1 : -1;
  }
  return result;
}

}  // namespace

Integers reference_layer(const package::Network& network, const package::Layer& layer, const Inputs& inputs) {
  const Tensor& from = network.tensors[layer.inputs[0]];
  const Tensor& to = network.tensors[layer.output];
  return std::visit([&](const auto& operation) { return compute(operation, from, to, inputs); },
                    layer.operation);
}

std::vector<Integers> reference_integers(const package::Network& network, const uint8_t* image) {
  std::vector<Integers> tensors(network.tensors.size());
  Integers& input = tensors[network.input.tensor];
  for (int64_t index = 0; index < network.tensors[network.input.tensor].elements(); ++index) {
    input.push_back(int64_t{network.input.multiplier} * image[index] + network.input.offset);
  }
  for (const package::Layer& layer : network.layers) {
    Inputs inputs;
    for (const uint32_t index : layer.inputs) inputs.push_back(&tensors[index]);
    tensors[layer.output] = reference_layer(network, layer, inputs);
  }
  return tensors;
}

}  // namespace kones::engine
