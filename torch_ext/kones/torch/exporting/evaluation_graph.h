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

#include "kones/torch/train/trained_network.h"

namespace kones {

/// Width and radix point of a fixed-point tensor, which the exporter's user may choose.
struct ActivationChoice {
  int bits;
  int fraction_bits;
};

/// By the tensor's name.
using ActivationChoices = std::map<std::string, ActivationChoice>;

class EvaluationGraph {
 public:
  /// Takes the widths and radix points of `choices`: what else a package says is computed from `trained`. A
  /// tensor without a choice has 8 bits, 16 for the network's output, and its range's radix point. Throws
  /// Error for a choice that is none: a radix point that neither the range nor the squared error of
  /// training's activations gives, or another than a trained one.
  explicit EvaluationGraph(TrainedNetwork trained, const ActivationChoices& choices = {});

  /// The integers of every tensor of the package, by its name there, for uint8 pictures [n, channels, height,
  /// width]: int64 [n, channels, height, width], or [n, features] after a linear layer.
  std::map<std::string, at::Tensor> integers(const at::Tensor& pictures) const;

 private:
  static void check_choice(const ActivationChoice& chosen, const ActivationChoice& own,
                           const std::string& name, const std::string& why);
  void check_radix_point(size_t block, const ActivationChoice& chosen, const std::string& name) const;

  TrainedNetwork trained_;
  std::vector<ActivationChoice> formats_;  ///< of each block's output, where it is fixed point
};

}  // namespace kones
