// The signs that a trained network itself gives to its hidden activations.
#pragma once

#include <map>
#include <string>

#include "kones/torch/train/trained_network.h"

namespace kones {

/// The trained network with the same weights and batch norms, computed in float64 by the code that trains.
/// Evaluation in float32 rounds sums and batch norms, and where a result is all but 0 that may turn its sign;
/// in float64 this takes results some 10^8 times closer to 0.
class OwnSigns {
 public:
  explicit OwnSigns(const TrainedNetwork& trained);

  /// The outputs of every block with a sign activation, by its name, for uint8 pictures [n, channels, height,
  /// width]: float64 -1 and +1.
  std::map<std::string, at::Tensor> signs(const at::Tensor& pictures) const;

 private:
  Network network_{nullptr};
};

}  // namespace kones
