#include "kones/torch/train/non_finite.h"

#include <sstream>

#include <torch/torch.h>

namespace kones {
namespace {

bool is_finite(const at::Tensor& tensor) {
  return tensor.isfinite().all().item<bool>();
}

}  // namespace

std::string find_non_finite(Network& network, const at::Tensor& x) {
  torch::NoGradGuard no_gradient;
  std::string place;
  const at::Tensor outputs =
      network->observed_forward(x, [&place](const Block& block, const at::Tensor& output) {
        if (!place.empty()) return;
        if (!is_finite(block.weight()->latent)) {
          place = "first in the weights of " + block.name;
        } else if (!is_finite(block.norm_weight()) || !is_finite(block.norm_bias())) {
          place = "first in the batch norm of " + block.name;
        } else if (!is_finite(output)) {
          place = "first in the output of " + block.name;
        }
      });
  if (!place.empty()) return place;
  std::ostringstream text;
  text << "in the loss alone; the outputs of " << network->blocks().back().name << " are as large as "
       << outputs.abs().max().item<double>();
  return text.str();
}

bool has_finite_parameters(const Network& network) {
  torch::NoGradGuard no_gradient;
  for (const at::Tensor& parameter : network->parameters()) {
    if (!is_finite(parameter)) return false;
  }
  return true;
}

}  // namespace kones
