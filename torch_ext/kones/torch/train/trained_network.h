// What a run keeps of its best epoch for the export: besides the network, ranges of activations and sample
// pictures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kones/torch/models/network.h"

namespace kones {

struct TrainedNetwork {
  Network network{nullptr};
  int64_t epoch = 0;  ///< from 1
  std::vector<double>
      largest;            ///< of each block's output on held-out training pictures, the largest magnitude
  at::Tensor histograms;  ///< of the same outputs (train/histogram.h), a row a block; undefined in old runs
  std::vector<std::string> class_names;
  at::Tensor
      golden_images;  ///< uint8 [n, channels, height, width]: training pictures to prove an export with
  at::Tensor golden_labels;  ///< int64 [n]
};

/// Writes to `path`, whole or not at all. Throws Error.
void save_trained_network(const TrainedNetwork& trained, const std::filesystem::path& path);

/// Reads the best epoch of the run in `folder`, on the CPU and in evaluation mode. Throws Error.
TrainedNetwork load_trained_network(const std::filesystem::path& folder);

}  // namespace kones
