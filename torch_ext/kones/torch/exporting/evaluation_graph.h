// The evaluation graph: what a package's integers must be, computed from the checkpoint alone by LibTorch's
// operators.
//
// It is the other half of the proof that `kones run --check` gives, so it shares no code with the exporter,
// the package or the engine: weights come from the latent weights through the training operators, sums from
// LibTorch's convolution and linear operators on float64 (float32 where the bound on the sum is below 2^24),
// and the folding of batch norm is written a second time, from docs/package-format.md, on tensors.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kones/torch/exporting/activation_choices.h"
#include "kones/torch/train/trained_network.h"

namespace kones {

class EvaluationGraph {
 public:
  /// Takes the widths and radix points of `choices`, checked (activation_choices.h); what else a package says
  /// is computed from `trained`. Throws Error.
  explicit EvaluationGraph(TrainedNetwork trained, const ActivationChoices& choices = {});

  /// The integers of every tensor of the package, by its name there, for uint8 pictures [n, channels, height,
  /// width]: int64 [n, channels, height, width], or [n, features] after a linear layer.
  std::map<std::string, at::Tensor> integers(const at::Tensor& pictures) const;

 private:
  TrainedNetwork trained_;
  std::vector<ActivationChoice> formats_;  ///< of each block's output, where it is fixed point
};

}  // namespace kones
