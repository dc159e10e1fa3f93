// Trains a network: the work of `kones train`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kones/torch/train/run_config.h"

namespace kones {

/// A row of metrics.csv, but for sign_flips_per_step.
struct EpochRecord {
  int64_t epoch = 0;           ///< from 1
  double learning_rate = 0.0;  ///< at the epoch's end
  double train_loss = 0.0;
  double validation_error_percent = 0.0;
  double seconds = 0.0;
  double images_per_second = 0.0;  ///< in training, without validation
  bool best = false;               ///< the lowest validation error so far; a later epoch wins a tie
  /// Of all quantized weights together, the share whose sign flips in a step, 0 to 1; measured as
  /// diagnostics.csv says. Nothing where no weights are quantized.
  std::optional<double> sign_flips_per_step;
};

/// Where training is: shown while it goes on.
struct StepReport {
  int64_t epoch;  ///< from 1
  int64_t epochs;
  int64_t images;  ///< done in this epoch
  int64_t images_per_epoch;
  double images_per_second;
  double seconds_left;  ///< of the whole training
  double loss;          ///< mean of this epoch so far
};

/// Told how training goes.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void on_message(const std::string& text) = 0;
  virtual void on_step(const StepReport& report) = 0;
  virtual void on_epoch(const EpochRecord& record, int64_t epochs) = 0;
};

struct TrainRequest {
  RunConfig config;  ///< its threads and data are filled in by train
  std::filesystem::path out;
  bool resume = false;
};

struct TrainResult {
  bool interrupted = false;  ///< a signal stopped it; the run can be resumed
  int64_t best_epoch = 0;
  double best_validation_error_percent = 0.0;
  std::vector<EpochRecord> epochs;
};

/// Trains, or goes on with, the run in `request.out`. The folder then holds config.json, metrics.csv,
/// diagnostics.csv and levels.csv (train/diagnostics.h), checkpoint.pt and best.pt. `stop_requested` is asked
/// after every step; when it says so, the run is saved and ends as interrupted. A resumed run ends with the
/// same bits as one that was not interrupted: it uses as many threads as it was started with, whatever
/// at::get_num_threads() says then, and is refused on other pictures. The folder is locked meanwhile. Throws
/// Error: for a loss that is not finite it names the layer and the step, and the last checkpoint stays.
TrainResult train(const TrainRequest& request, TrainObserver& observer, bool (*stop_requested)());

}  // namespace kones
