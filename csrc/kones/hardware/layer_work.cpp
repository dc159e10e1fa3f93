#include "kones/hardware/layer_work.h"

#include <algorithm>
#include <cstdlib>
#include <type_traits>
#include <variant>

#include "kones/hardware/widths.h"
#include "kones/package/validate.h"

namespace kones::hardware {
namespace {

using package::IntegerRange;
using package::Layer;
using package::Network;
using package::Tensor;
using package::TensorKind;

/// A network, the range of each of its tensors, and who makes and reads them.
struct Checked {
  const Network& network;
  std::vector<IntegerRange> ranges;
  std::vector<const Layer*> readers;  ///< the first in the order of computation; null where none does
  std::vector<std::size_t> makers;    ///< the layer's place in that order, from 1 on; 0 for the input

  explicit Checked(const Network& checked)
      : network(checked),
        ranges(package::validate(checked)),
        readers(checked.tensors.size(), nullptr),
        makers(checked.tensors.size(), 0) {
    for (std::size_t place = 0; place < network.layers.size(); ++place) {
      const Layer& layer = network.layers[place];
      makers[layer.output] = place + 1;
      for (const uint32_t input : layer.inputs) {
        if (readers[input] == nullptr) readers[input] = &layer;
      }
    }
  }

  /// The input that a layer takes as it is made; it reads the others from memory.
  uint32_t last_made(const Layer& layer) const {
    return *std::max_element(layer.inputs.begin(), layer.inputs.end(),
                             [this](uint32_t a, uint32_t b) { return makers[a] < makers[b]; });
  }
};

Operand operand_of(const Checked& checked, uint32_t index) {
  const Tensor& tensor = checked.network.tensors[index];
  if (tensor.kind == TensorKind::sign) return Operand::sign();
  if (tensor.kind == TensorKind::fixed_point) return Operand::fixed_point(tensor.bits);
  Operand operand = Operand::fixed_point(signed_bits(checked.ranges[index].magnitude()));
  if (index == checked.network.input.tensor) operand.stored_bits = 8;
  return operand;
}

bool has_weights(const Layer& layer) {
  return package::weights_of(layer.operation) != nullptr;
}

/// The tensor that is written to memory for `index`: it, or what operations without weights make of it.
uint32_t written_tensor(const Checked& checked, uint32_t index) {
  for (const Layer* reader = checked.readers[index]; reader != nullptr && !has_weights(*reader);
       reader = checked.readers[index]) {
    index = reader->output;
  }
  return index;
}

int64_t groups_of(const package::Operation& operation) {
  const auto* conv = std::get_if<package::Conv2d>(&operation);
  return conv == nullptr ? 1 : conv->groups;
}

/// The bits of multipliers, which scale every input element.
void add_scalings(LayerWork& work, const std::vector<int32_t>& multipliers) {
  int64_t largest = 1;
  for (const int32_t multiplier : multipliers) largest = std::max(largest, std::abs(int64_t{multiplier}));
  work.scalings = work.additions;
  work.scaling_bits = std::max(work.scaling_bits, signed_bits(largest));
}

int64_t channels_of(const std::vector<uint8_t>& a_channel_each) {
  return static_cast<int64_t>(a_channel_each.size());
}

void add_operation(LayerWork& work, const package::Requantize& requantize, const Tensor&) {
  add_scalings(work, requantize.multiplier);
  work.constant_bits = channels_of(requantize.shift) * (32 + 64 + 8);
}

void add_operation(LayerWork& work, const package::Add& add, const Tensor&) {
  add_scalings(work, add.first_multiplier);
  add_scalings(work, add.second_multiplier);
  work.constant_bits = channels_of(add.shift) * (32 + 32 + 64 + 8);
}

void add_operation(LayerWork& work, const package::Threshold& threshold, const Tensor& input) {
  work.constant_bits = channels_of(threshold.rising) * (input.bits + 1);
}

/// Every other operation without weights: additions alone.
template <typename Operation>
void add_operation(LayerWork&, const Operation&, const Tensor&) {}

LayerWork weighted_work(const Checked& checked, const Layer& layer, const package::Weights& weights) {
  const Network& network = checked.network;
  const Tensor& output = network.tensors[layer.output];
  LayerWork work;
  work.channels = weights.outputs;
  work.positions = output.pixels();
  work.fan_in = weights.inputs;
  work.groups = groups_of(layer.operation);
  work.distinct_inputs = network.tensors[layer.inputs.front()].elements();
  work.format = weights.format;
  work.input = operand_of(checked, layer.inputs.front());
  work.output = operand_of(checked, written_tensor(checked, layer.output));
  work.accumulator_bits = signed_bits(checked.ranges[layer.output].magnitude());
  return work;
}

LayerWork plain_work(const Checked& checked, const Layer& layer) {
  const Network& network = checked.network;
  const uint32_t input = checked.last_made(layer);
  LayerWork work;
  work.channels = network.tensors[layer.output].channels;
  work.positions = network.tensors[layer.output].pixels();
  work.distinct_inputs = network.tensors[input].elements();
  work.input = operand_of(checked, input);
  work.output = operand_of(checked, layer.output);
  work.addition_bits = work.input.bits;
  work.scaling_bits = 1;
  for (const uint32_t branch : layer.inputs) {
    const int64_t elements = network.tensors[branch].elements();
    const Operand operand = operand_of(checked, branch);
    work.additions += elements;
    work.addition_bits = std::max(work.addition_bits, operand.bits);
    if (branch != input) work.branch_bits += elements * operand.stored_bits;
  }
  std::visit([&](const auto& operation) { add_operation(work, operation, network.tensors[input]); },
             layer.operation);
  return work;
}

}  // namespace

int64_t NetworkWork::parameters() const {
  int64_t sum = 0;
  for (const LayerWork& layer : layers) sum += layer.weights() + layer.biases;
  return sum;
}

NetworkWork work_of(const package::Network& network) {
  const Checked checked(network);
  NetworkWork work = {network.model, network.method, {}};
  for (const Layer& layer : network.layers) {
    const package::Weights* weights = package::weights_of(layer.operation);
    work.layers.push_back(weights != nullptr ? weighted_work(checked, layer, *weights)
                                             : plain_work(checked, layer));
    work.layers.back().name = layer.name;
    work.layers.back().operation = package::operation_name(layer.operation);
  }
  return work;
}

}  // namespace kones::hardware
