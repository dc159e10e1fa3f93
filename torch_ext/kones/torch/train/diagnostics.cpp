#include "kones/torch/train/diagnostics.h"

#include <algorithm>
#include <limits>
#include <map>
#include <sstream>
#include <utility>

#include <torch/torch.h>

#include "kones/torch/nn/diagnostics.h"
#include "kones/torch/ops/arguments.h"

namespace kones {
namespace {

constexpr int64_t steps_per_sample = 50;
constexpr int64_t max_samples = 8;
constexpr size_t max_levels = 256;  // of formats that levels.csv has rows of

bool has_sign_activation(const Block& block) {
  return !block.activation.is_empty() && block.activation->kind() == nn::ActivationKind::sign;
}

/// nn::Activation's methods are not const where a Block is.
nn::Activation activation_of(const Block& block) {
  return block.activation;
}

/// Of every layer with quantized weights, by its name.
std::map<std::string, std::vector<double>> levels_of_layers(const Network& network) {
  std::map<std::string, std::vector<double>> levels;
  for (const Block& block : network->blocks()) {
    const std::optional<NumberFormat>& format = block.weight()->quantizer().format;
    if (format) levels[block.name] = nn::level_histogram(at::empty({0}), *format).levels;
  }
  return levels;
}

}  // namespace

bool is_sampled(int64_t step_in_epoch, int64_t steps_per_epoch) {
  const int64_t samples = std::clamp<int64_t>(steps_per_epoch / steps_per_sample, 1, max_samples);
  const int64_t part = step_in_epoch * samples / steps_per_epoch;
  return step_in_epoch == (2 * part + 1) * steps_per_epoch / (2 * samples);
}

StepSampler::StepSampler(Network network) : network_(std::move(network)) {
  const std::vector<Block>& blocks = network_->blocks();
  signs_.resize(blocks.size());
  clipped_gradients_.resize(blocks.size());
  const ops::PassedRange range = ops::passed_range(NumberFormat::binary());
  for (size_t i = 0; i < blocks.size(); ++i) {
    const nn::QuantizedWeight weight = blocks[i].weight();
    if (weight->quantizer().format) signs_[i] = nn::quantized_signs(weight->latent, weight->quantizer());
    if (!has_sign_activation(blocks[i])) continue;
    activation_of(blocks[i])->set_observer([this, i, range](const at::Tensor& operand) {
      clipped_gradients_[i] = nn::clipped_gradient_share(operand, range.low, range.high);
    });
  }
}

StepSampler::~StepSampler() {
  for (const Block& block : network_->blocks()) {
    if (has_sign_activation(block)) activation_of(block)->set_observer({});
  }
}

void StepSampler::add_to(StepSamples& samples) const {
  const std::vector<Block>& blocks = network_->blocks();
  samples.layers.resize(blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i) {
    const nn::QuantizedWeight weight = blocks[i].weight();
    if (!weight->quantizer().format) continue;
    LayerSample& layer = samples.layers[i];
    layer.sign_flips +=
        nn::sign_flip_rate(signs_[i], nn::quantized_signs(weight->latent, weight->quantizer()));
    layer.clipped_weights += nn::clipped_weight_share(weight->latent, *weight->quantizer().format);
    layer.clipped_gradients += clipped_gradients_[i];
  }
  ++samples.steps;
}

std::vector<LayerRecord> layer_records(const Network& network, int64_t epoch, const StepSamples& samples) {
  torch::NoGradGuard no_gradient;
  std::vector<LayerRecord> records;
  for (size_t i = 0; i < network->blocks().size(); ++i) {
    const Block& block = network->blocks()[i];
    const nn::QuantizedWeight weight = block.weight();
    const nn::WeightQuantizer& quantizer = weight->quantizer();
    if (!quantizer.format) continue;
    const nn::LevelHistogram histogram =
        nn::level_histogram(quantizer.unscaled(weight->latent), *quantizer.format);
    LayerRecord record;
    record.epoch = epoch;
    record.layer = block.name;
    record.levels = static_cast<int64_t>(histogram.levels.size());
    record.unused_levels = histogram.unused_levels();
    if (histogram.levels.size() <= max_levels) record.level_counts = histogram.counts;
    if (samples.steps > 0) {
      const auto mean = [&samples](double sum) { return sum / static_cast<double>(samples.steps); };
      record.sign_flips_per_step = mean(samples.layers[i].sign_flips);
      record.clipped_weights = mean(samples.layers[i].clipped_weights);
      if (has_sign_activation(block)) record.clipped_gradients = mean(samples.layers[i].clipped_gradients);
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::optional<double> mean_sign_flips(const Network& network, const StepSamples& samples) {
  double flips = 0.0;
  double weights = 0.0;
  for (size_t i = 0; i < network->blocks().size() && samples.steps > 0; ++i) {
    const nn::QuantizedWeight weight = network->blocks()[i].weight();
    if (!weight->quantizer().format) continue;
    const auto count = static_cast<double>(weight->latent.numel());
    flips += samples.layers[i].sign_flips * count;
    weights += count;
  }
  if (weights == 0.0) return std::nullopt;
  return flips / weights / static_cast<double>(samples.steps);
}

std::string diagnostics_csv(const std::vector<LayerRecord>& records) {
  std::ostringstream csv;
  const auto write = [&csv](const std::optional<double>& share) {
    csv << ',';
    if (share) csv << *share;
  };
  csv << "epoch,layer,levels,unused_levels,sign_flips_per_step,clipped_weights,clipped_gradients\n";
  for (const LayerRecord& record : records) {
    csv << record.epoch << ',' << record.layer << ',' << record.levels << ',' << record.unused_levels;
    write(record.sign_flips_per_step);
    write(record.clipped_weights);
    write(record.clipped_gradients);
    csv << '\n';
  }
  return csv.str();
}

bool are_records_of(const Network& network, const std::vector<LayerRecord>& records) {
  const std::map<std::string, std::vector<double>> levels = levels_of_layers(network);
  return std::all_of(records.begin(), records.end(), [&levels](const LayerRecord& record) {
    const auto found = levels.find(record.layer);
    return found != levels.end() &&
           (record.level_counts.empty() || record.level_counts.size() == found->second.size());
  });
}

std::string levels_csv(const Network& network, const std::vector<LayerRecord>& records) {
  const std::map<std::string, std::vector<double>> levels = levels_of_layers(network);
  std::ostringstream csv;
  csv.precision(std::numeric_limits<float>::max_digits10);  // every level is a float32 number
  csv << "epoch,layer,level,weights\n";
  for (const LayerRecord& record : records) {
    for (size_t i = 0; i < record.level_counts.size(); ++i) {
      csv << record.epoch << ',' << record.layer << ',' << levels.at(record.layer).at(i) << ','
          << record.level_counts[i] << '\n';
    }
  }
  return csv.str();
}

}  // namespace kones
