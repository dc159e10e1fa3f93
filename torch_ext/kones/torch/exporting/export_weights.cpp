#include "kones/torch/exporting/export_weights.h"

#include <cmath>

#include <torch/torch.h>

#include "kones/error.h"

namespace kones {

ExportedWeights export_weights(const Block& block) {
  const nn::QuantizedWeight weight = block.weight();
  const nn::WeightQuantizer& quantizer = weight->quantizer();
  if (!quantizer.format) {
    throw Error(block.name +
                " cannot be exported: its weights are float32; train with a method that quantizes them");
  }
  const NumberFormat& format = *quantizer.format;
  const at::Tensor values = quantizer.unscaled(weight->latent).to(torch::kFloat64).contiguous();
  package::Weights weights;
  weights.format = format;
  weights.outputs = static_cast<uint32_t>(values.size(0));
  weights.inputs = static_cast<uint32_t>(values.numel() / values.size(0));
  weights.levels.reserve(static_cast<size_t>(values.numel()));
  const double* value = values.const_data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    const double level = std::ldexp(value[i], format.fraction_bits());
    if (!(level >= format.min_level() && level <= format.max_level()) || level != std::trunc(level) ||
        !format.is_level(static_cast<int32_t>(level))) {
      throw Error(block.name + " cannot be exported: weight " + std::to_string(i) + " is no level of " +
                  format.name());
    }
    weights.levels.push_back(static_cast<int32_t>(level));
  }
  return {std::move(weights), std::ldexp(1.0, -format.fraction_bits()) * quantizer.scale(weight->latent)};
}

}  // namespace kones
