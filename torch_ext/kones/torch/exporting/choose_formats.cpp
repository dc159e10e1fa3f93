#include "kones/torch/exporting/choose_formats.h"

#include <torch/torch.h>

#include "kones/error.h"

namespace kones {
namespace {

bool is_relu(const Block& block) {
  return !block.activation.is_empty() && block.activation->kind() == nn::ActivationKind::relu;
}

/// Refuses widths of layers that have none.
void check_layers(const std::vector<Block>& blocks, const ExportOptions& options) {
  std::string names;
  for (const Block& block : blocks) {
    if (is_relu(block)) names += (names.empty() ? "" : ", ") + block.name;
  }
  const bool asked = options.activation_bits || !options.layer_bits.empty();
  if (asked && names.empty()) {
    throw UsageError(
        "this network's activations are signs, which have no width: leave --activation-bits out");
  }
  if (options.calibration && names.empty()) {
    throw UsageError(
        "this network's activations are signs, which have no radix point: leave --calibration out");
  }
  for (const auto& [layer, width] : options.layer_bits) {
    bool found = false;
    for (const Block& block : blocks) found = found || (is_relu(block) && block.name == layer);
    if (!found) {
      throw UsageError("--activation-bits: there is no layer " + layer + " with ReLU; there is " + names);
    }
  }
}

/// The width that is asked for, if one is.
std::optional<int> width_of(const Block& block, const ExportOptions& options) {
  const auto own = options.layer_bits.find(block.name);
  return own != options.layer_bits.end() ? own->second : options.activation_bits;
}

ActivationFormat trained_format(const Block& block, const ExportOptions& options) {
  nn::Activation activation = block.activation;
  if (options.calibration) {
    throw UsageError("the radix points of this network are trained: leave --calibration out");
  }
  if (width_of(block, options).value_or(activation->bits()) != activation->bits()) {
    throw UsageError(block.name + " was trained with activations of " + std::to_string(activation->bits()) +
                     " bits; other widths need another training");
  }
  return {activation->bits(), activation->fraction_bits()};
}

int fraction_bits_of_histogram(const TrainedNetwork& trained, size_t block, int bits) {
  if (!trained.histograms.defined()) {
    throw Error(
        "the run keeps no histograms of activations, which --calibration error needs: it was trained "
        "by an older version; train it again, or use --calibration range");
  }
  const at::Tensor row = trained.histograms[static_cast<int64_t>(block)].contiguous();
  const int64_t* counts = row.const_data_ptr<int64_t>();
  return fraction_bits_by_error(std::vector<int64_t>(counts, counts + row.numel()), bits);
}

}  // namespace

std::vector<std::optional<ActivationFormat>> choose_formats(const TrainedNetwork& trained,
                                                            const ExportOptions& options) {
  const std::vector<Block>& blocks = trained.network->blocks();
  check_layers(blocks, options);
  std::vector<std::optional<ActivationFormat>> formats(blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    if (i + 1 == blocks.size()) {
      formats[i] = {output_bits, fraction_bits_for(trained.largest[i], output_bits, /*is_signed=*/true)};
    } else if (is_relu(block) && block.activation->bits() > 0) {
      formats[i] = trained_format(block, options);
    } else if (is_relu(block)) {
      const int bits = width_of(block, options).value_or(default_activation_bits);
      const bool by_error = options.calibration == Calibration::error;
      formats[i] = {bits, by_error ? fraction_bits_of_histogram(trained, i, bits)
                                   : fraction_bits_for(trained.largest[i], bits, /*is_signed=*/false)};
    }
  }
  return formats;
}

}  // namespace kones
