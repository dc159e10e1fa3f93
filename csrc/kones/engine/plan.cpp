#include "kones/engine/plan.h"

#include <algorithm>

#include "kones/package/validate.h"

namespace kones::engine {
namespace {

/// Layers of one pixel are batched, so that weights are read once for all images; not those that make it of
/// many without any.
bool is_batched(const package::Network& network, const package::Layer& layer) {
  const bool reads_one_pixel = network.tensors[layer.inputs[0]].pixels() == 1;
  return network.tensors[layer.output].pixels() == 1 &&
         (reads_one_pixel || package::weights_of(layer.operation) != nullptr);
}

std::vector<Stage> stages_of(const package::Network& network) {
  std::vector<Stage> stages;
  for (std::size_t layer = 0; layer < network.layers.size(); ++layer) {
    const bool batched = is_batched(network, network.layers[layer]);
    if (stages.empty() || stages.back().is_batched != batched) stages.push_back({layer, layer, batched});
    stages.back().last = layer + 1;
  }
  return stages;
}

const Stage& stage_of(const std::vector<Stage>& stages, std::size_t layer) {
  return *std::find_if(stages.begin(), stages.end(), [&](const Stage& stage) { return layer < stage.last; });
}

/// Sets how long a tensor that layer `written` writes and `last_read` reads takes memory. A stage computed
/// image by image goes through its layers again and again: what crosses its border stays for all of it.
void set_life(PlannedTensor& tensor, const std::vector<Stage>& stages, std::size_t written,
              std::size_t last_read) {
  const Stage& writer = stage_of(stages, written);
  const bool is_read_later = last_read >= writer.last;
  tensor.is_batched = writer.is_batched || is_read_later;
  tensor.images = writer.images;
  tensor.begin = tensor.is_batched ? writer.first : written;
  tensor.end = last_read + 1;
  if (tensor.is_batched && last_read < stages.back().last) tensor.end = stage_of(stages, last_read).last;
}

/// Whether only convolutions that can multiply bytes read the network's input, and whether that is faster:
/// bytes are multiplied four at a time.
bool is_read_as_bytes(const package::Network& network, const std::vector<package::IntegerRange>& ranges) {
  if (network.tensors[network.input.tensor].channels % 4 != 3) return false;
  for (const package::Layer& layer : network.layers) {
    if (std::count(layer.inputs.begin(), layer.inputs.end(), network.input.tensor) == 0) continue;
    const auto* conv = std::get_if<package::Conv2d>(&layer.operation);
    if (conv == nullptr || !multiplies_bytes(*conv, network.input, ranges[layer.output])) return false;
  }
  return true;
}

/// A layer's input and output are to stay in the second-level cache.
constexpr int64_t cached_bytes = int64_t{512} << 10;

/// Sets how many images a stage computes at a time: as many as its largest layer allows.
void set_images(const Plan& plan, Stage& stage) {
  int64_t most = 1;
  for (std::size_t index = stage.first; index < stage.last; ++index) {
    const PlannedLayer& layer = plan.layers[index];
    int64_t bytes = plan.tensors[layer.output].form.bytes();
    for (const uint32_t input : layer.inputs) bytes += plan.tensors[input].form.bytes();
    most = std::max(most, bytes);
  }
  stage.images = std::max<int64_t>(1, cached_bytes / most);
}

}  // namespace

Plan::Plan(const package::Network& network) : input(network.input), output(network.output) {
  const std::vector<package::IntegerRange> ranges = package::validate(network);
  stages = stages_of(network);
  tensors.resize(network.tensors.size());
  for (std::size_t index = 0; index < tensors.size(); ++index) {
    tensors[index].form = stored_form(network.tensors[index], ranges[index], index == input.tensor);
  }
  StoredTensor& pictures = tensors[input.tensor].form;
  if (pictures.element == Element::int16 && is_read_as_bytes(network, ranges)) {
    pictures.element = Element::uint8;
    pictures.zero_point = 128;
    pictures.has_constant_channel = true;
    pictures.scale = input.multiplier;
    pictures.constant = input.offset + 128 * int64_t{input.multiplier};
  }
  std::vector<std::size_t> written(tensors.size(), 0);
  std::vector<std::size_t> last_read(tensors.size(), 0);
  for (std::size_t index = 0; index < network.layers.size(); ++index) {
    const package::Layer& layer = network.layers[index];
    LayerTensors of_layer;
    for (const uint32_t tensor : layer.inputs) {
      of_layer.inputs.push_back(&tensors[tensor].form);
      last_read[tensor] = index;
    }
    of_layer.input_kind = network.tensors[layer.inputs[0]].kind;
    of_layer.output = &tensors[layer.output].form;
    of_layer.output_tensor = network.tensors[layer.output];
    written[layer.output] = last_read[layer.output] = index;
    layers.push_back({make_layer_kernel(layer.operation, of_layer), layer.inputs, layer.output});
  }
  last_read[output] = network.layers.size();
  for (Stage& stage : stages) set_images(*this, stage);
  for (std::size_t index = 0; index < tensors.size(); ++index)
    set_life(tensors[index], stages, written[index], last_read[index]);
}

}  // namespace kones::engine
