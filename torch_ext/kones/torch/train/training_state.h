// The numbers of a training run that a checkpoint has to keep beside tensors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kones/torch/train/diagnostics.h"
#include "kones/torch/train/train.h"

namespace kones {

struct TrainingState {
  int64_t epoch = 0;  ///< the one that is being trained, from 0
  int64_t step_in_epoch = 0;
  int64_t step = 0;        ///< of the whole run
  double loss_sum = 0.0;   ///< over the epoch's steps so far
  double seconds = 0.0;    ///< spent in this epoch so far
  int64_t best_epoch = 0;  ///< from 1; 0 before the first epoch has ended
  double best_error_percent = 0.0;
  std::vector<EpochRecord> records;
  StepSamples samples;              ///< of the epoch so far
  std::vector<LayerRecord> layers;  ///< of the epochs that have ended
};

std::string state_to_text(const TrainingState& state);

/// Throws nlohmann::json::exception for a text that is none.
TrainingState state_from_text(const std::string& text);

/// Whether a run of so many epochs and steps can stand there.
bool is_possible(const TrainingState& state, int64_t epochs, int64_t steps_per_epoch);

/// The whole of metrics.csv.
std::string metrics_csv(const std::vector<EpochRecord>& records);

}  // namespace kones
