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

/// A network, the range of each of its tensors, and the layer that reads it first: as its first input, in the
/// order of computation; null where none does.
struct Checked {
  const Network& network;
  std::vector<IntegerRange> ranges;
  std::vector<const Layer*> readers;

  explicit Checked(const Network& checked)
      : network(checked), ranges(package::validate(checked)), readers(checked.tensors.size(), nullptr) {
    for (const Layer& layer : network.layers) {
      const Layer*& reader = readers[layer.inputs.front()];
      if (reader == nullptr) reader = &layer;
    }
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

void add_operation(LayerWork& work, const package::Requantize& requantize) {
  int64_t largest = 1;
  for (const int32_t multiplier : requantize.multiplier)
    largest = std::max(largest, std::abs(int64_t{multiplier}));
  work.scalings = work.additions;
  work.scaling_bits = signed_bits(largest);
  work.constant_bits = static_cast<int64_t>(requantize.multiplier.size()) * (32 + 64 + 8);
}

void add_operation(LayerWork& work, const package::Threshold& threshold) {
  work.constant_bits = static_cast<int64_t>(threshold.threshold.size()) * (32 + 1);
}

/// Every other operation without weights: additions alone.
template <typename Operation>
void add_operation(LayerWork&, const Operation&) {}

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
  LayerWork work;
  work.channels = network.tensors[layer.output].channels;
  work.positions = network.tensors[layer.output].pixels();
  work.distinct_inputs = network.tensors[layer.inputs.front()].elements();
  work.input = operand_of(checked, layer.inputs.front());
  work.output = operand_of(checked, layer.output);
  work.addition_bits = work.input.bits;
  for (std::size_t branch = 0; branch < layer.inputs.size(); ++branch) {
    const int64_t elements = network.tensors[layer.inputs[branch]].elements();
    work.additions += elements;
    if (branch > 0) work.branch_bits += elements * operand_of(checked, layer.inputs[branch]).stored_bits;
  }
  std::visit([&work](const auto& operation) { add_operation(work, operation); }, layer.operation);
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
