// Finds where a network's numbers stop being finite.
#pragma once

#include <string>

#include "kones/torch/models/network.h"

namespace kones {

/// The first place, in the order of computation, where `network` on the batch `x` has a value that is
/// infinite or NaN: "first in the weights of conv2", "first in the output of linear3"; or "in the loss alone;
/// the outputs of linear4 are as large as 3e+20". The network is run in training mode.
std::string find_non_finite(Network& network, const at::Tensor& x);

/// Whether every parameter is finite.
bool has_finite_parameters(const Network& network);

}  // namespace kones
