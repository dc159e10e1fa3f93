// The widths and radix points of a package's activations, as the evaluation graph takes them: the one thing
// that it takes from a package, after looking whether the exporter may have chosen it.
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

  double low(bool is_signed) const;
  double high(bool is_signed) const;
};

/// By the tensor's name.
using ActivationChoices = std::map<std::string, ActivationChoice>;

/// The choice for each block's output, where it is fixed point. A tensor without a choice has 8 bits, 16 for
/// the network's output, and its range's radix point; or what training gave it. Throws Error for a choice
/// that is none: a radix point that neither the range nor the squared error of training's activations gives,
/// or another than a trained one.
std::vector<ActivationChoice> checked_formats(const TrainedNetwork& trained,
                                              const ActivationChoices& choices);

}  // namespace kones
