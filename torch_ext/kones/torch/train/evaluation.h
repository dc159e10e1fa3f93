// Evaluation of a network in memory.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "kones/torch/models/network.h"
#include "kones/torch/train/evaluate.h"

namespace kones {

/// What a pass over pictures in evaluation mode shows.
struct NetworkEvaluation {
  Evaluation evaluation;
  std::vector<double> largest;  ///< of each block's output, the largest magnitude
  std::vector<int32_t> predictions;
  at::Tensor histograms;  ///< of ReLU outputs, a row a block (train/histogram.h); undefined unless asked for
};

/// Runs `network` in evaluation mode, on its own device, over the pictures at `indices`.
NetworkEvaluation evaluate_network(Network& network, const ImageSet& images,
                                   const std::vector<int64_t>& indices, const ImageProgress& progress,
                                   bool with_histograms = false);

/// Pictures in a batch of evaluation.
inline constexpr int64_t evaluation_batch = 500;

/// The device called `name`, cpu or cuda. Throws Error for another name, or where there is no CUDA device.
c10::Device find_device(const std::string& name);

}  // namespace kones
