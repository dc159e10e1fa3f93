// Compares a package's integers with the run that it came from: the work of `kones run --check`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "kones/data/dataset.h"
#include "kones/package/package.h"
#include "kones/torch/exporting/evaluation_graph.h"
#include "kones/torch/train/evaluate.h"

namespace kones {

struct CheckReport {
  Evaluation evaluation;        ///< of the package, in integers; its seconds are the engine's alone
  int64_t compared_values = 0;  ///< integers of every layer over all pictures
  int64_t mismatched_values = 0;
  int64_t mismatched_predictions = 0;  ///< that differ from the trained network's with its float activations
  int64_t compared_signs = 0;          ///< hidden signs over all pictures; 0 for other activations
  int64_t mismatched_signs = 0;        ///< that differ from the trained network's own, computed in float64
  int64_t rounded_signs = 0;   ///< that differ from the trained network's own in float32, which rounds
  std::string first_mismatch;  ///< where the first mismatched value is, for people; empty if there is none
};

/// The widths and radix points of a package's fixed-point tensors.
ActivationChoices choices_of(const package::Network& network);

/// Runs `network` on `images` and compares every integer of every layer with the evaluation graph of
/// `trained`, and every prediction with the trained network itself. Throws Error.
CheckReport check_network(const package::Network& network, const TrainedNetwork& trained,
                          const ImageSet& images, const ImageProgress& progress);

/// The same with the best epoch of the run in `run_folder`. Throws Error, also for a run of another model or
/// method.
CheckReport check_package(const package::Network& network, const std::filesystem::path& run_folder,
                          const ImageSet& images, const ImageProgress& progress);

}  // namespace kones
