// The table of methods: which tensors of a network are quantized, and how.
#pragma once

#include <string>
#include <vector>

#include "kones/torch/nn/activation_kind.h"
#include "kones/torch/nn/weight_quantizer.h"

namespace kones {

struct Method {
  std::string name;
  nn::WeightQuantizer weights;
  nn::ActivationKind activation;
  std::string description;  ///< one line, for help texts
};

/// Every method: first those of the paper's table 3, in its order.
const std::vector<Method>& methods();

/// The method called `name`. Throws Error that lists what exists.
const Method& find_method(const std::string& name);

}  // namespace kones
