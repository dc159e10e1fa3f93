// diagnostics.csv: what quantization does to each layer of a network in training.
//
// A row for each epoch and layer with quantized weights:
//   levels, unused_levels  the levels of the weights' format, and how many of them no weight has when the
//                          latent weights of the epoch's end are rounded to nearest
//   sign_flips_per_step    the share of weights whose sign, rounded to nearest, differs before and after a
//                          step (zero is a sign of its own), whatever rounding the training uses
//   clipped_weights        the share of latent weights outside the level set's range after the optimizer's
//                          step, before they are clipped
//   clipped_gradients      the share of the operand of the sign activation that follows the layer, over a
//                          step's batch, that lies outside [-1, 1], where no gradient passes; empty where
//                          no sign activation follows
// Shares are from 0 to 1. The last three are means over the epoch's sampled steps (is_sampled), and empty
// where there was none, as when an epoch was begun by a version that took no samples.
//
// levels.csv: a row for each epoch, layer with quantized weights and level of their format: how many weights
// have it, when the latent weights of the epoch's end are rounded to nearest. Formats of more than 256 levels
// have no rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kones/torch/models/network.h"

namespace kones {

/// A row of diagnostics.csv.
struct LayerRecord {
  int64_t epoch = 0;  ///< from 1
  std::string layer;
  int64_t levels = 0;
  int64_t unused_levels = 0;
  std::optional<double> sign_flips_per_step;
  std::optional<double> clipped_weights;
  std::optional<double> clipped_gradients;
  std::vector<int64_t> level_counts = {};  ///< of each level, ascending; empty where levels.csv has no rows
};

/// One layer's shares, summed over sampled steps.
struct LayerSample {
  double sign_flips = 0.0;
  double clipped_weights = 0.0;
  double clipped_gradients = 0.0;
};

/// The sampled steps of an epoch so far. Kept in checkpoints, so that a resumed run has the same rows.
struct StepSamples {
  int64_t steps = 0;
  std::vector<LayerSample> layers;  ///< of every block; zeros where its weights are not quantized
};

/// Whether a step is sampled: one in 50 and at most 8 an epoch, at least one, in the middle of as many equal
/// parts of it. The choice depends on nothing else.
bool is_sampled(int64_t step_in_epoch, int64_t steps_per_epoch);

/// Samples one step: made before its forward pass, asked after the optimizer's step. It changes no bit of
/// what is computed. Besides its temporaries it keeps a byte a weight.
class StepSampler {
 public:
  explicit StepSampler(Network network);
  ~StepSampler();
  StepSampler(const StepSampler&) = delete;
  StepSampler& operator=(const StepSampler&) = delete;

  /// Before latent weights are clipped.
  void add_to(StepSamples& samples) const;

 private:
  Network network_;
  std::vector<at::Tensor> signs_;  ///< before the step; undefined where weights are not quantized
  std::vector<double> clipped_gradients_;
};

/// The rows of an epoch that ends.
std::vector<LayerRecord> layer_records(const Network& network, int64_t epoch, const StepSamples& samples);

/// The share of all quantized weights whose sign flips in a step; nothing without them or without samples.
std::optional<double> mean_sign_flips(const Network& network, const StepSamples& samples);

/// The whole of diagnostics.csv.
std::string diagnostics_csv(const std::vector<LayerRecord>& records);

/// Whether every record names a layer with quantized weights, with as many counts as it has levels or none.
bool are_records_of(const Network& network, const std::vector<LayerRecord>& records);

/// The whole of levels.csv, of records of the network's layers.
std::string levels_csv(const Network& network, const std::vector<LayerRecord>& records);

}  // namespace kones
