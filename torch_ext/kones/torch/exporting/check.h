// Compares a package's integers with the run that it came from: the work of `kones run --check`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "kones/data/dataset.h"
#include "kones/package/package.h"
#include "kones/torch/train/evaluate.h"

namespace kones {

struct CheckReport {
  Evaluation evaluation;        ///< of the package, in integers; its seconds are the engine's alone
  int64_t compared_values = 0;  ///< integers of every layer over all pictures
  int64_t mismatched_values = 0;
  int64_t mismatched_predictions = 0;  ///< that differ from the trained network's with its float activations
  std::string first_mismatch;  ///< where the first mismatched value is, for people; empty if there is none
};

/// Runs `network` on `images` and compares every integer of every layer with the evaluation graph of the run
/// in `run_folder`, and every prediction with the trained network. Throws Error, also when the two are
/// different models.
CheckReport check_package(const package::Network& network, const std::filesystem::path& run_folder,
                          const ImageSet& images, const ImageProgress& progress);

}  // namespace kones
