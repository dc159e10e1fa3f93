#include "kones/torch/train/weight_average.h"

#include <algorithm>

#include <torch/torch.h>

namespace kones {

WeightAverage::WeightAverage(const Network& network, double decay)
    : decay_(decay), parameters_(network->parameters()) {
  for (const at::Tensor& parameter : parameters_) averages_.push_back(parameter.detach().clone());
}

void WeightAverage::update(int64_t step) {
  torch::NoGradGuard no_gradient;
  const double t = static_cast<double>(step);
  const double decay = std::min(decay_, (1.0 + t) / (10.0 + t));
  at::_foreach_lerp_(averages_, parameters_, 1.0 - decay);
}

void WeightAverage::exchange() {
  torch::NoGradGuard no_gradient;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor parameter = parameters_[i].detach().clone();
    parameters_[i].copy_(averages_[i]);
    averages_[i].copy_(parameter);
  }
}

void WeightAverage::for_each_state(const std::function<void(const std::string&, at::Tensor&)>& visit) {
  for (size_t i = 0; i < averages_.size(); ++i) visit("average." + std::to_string(i), averages_[i]);
}

}  // namespace kones
