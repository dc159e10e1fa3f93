#include "kones/torch/train/fused_optimizer.h"

#include <torch/torch.h>

namespace kones {

FusedOptimizer::FusedOptimizer(std::vector<ParameterGroup> groups, const OptimizerOptions& options)
    : options_(options), stepped_(torch::zeros({}, torch::kFloat32)) {
  for (ParameterGroup& set : groups) {
    Group group{std::move(set), {}, {}, {}};
    for (const at::Tensor& parameter : group.set.parameters) {
      group.first.push_back(torch::zeros_like(parameter));
      if (options.algorithm == "adam") {
        group.second.push_back(torch::zeros_like(parameter));
        group.steps.push_back(torch::zeros({}, parameter.options().dtype(torch::kFloat32)));
      }
    }
    groups_.push_back(std::move(group));
  }
}

void FusedOptimizer::step(double learning_rate) {
  torch::NoGradGuard no_gradient;
  const bool first_step = stepped_.item<float>() == 0.0f;
  for (Group& group : groups_) {
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& parameter : group.set.parameters) gradients.push_back(parameter.grad());
    const double rate = learning_rate * group.set.learning_rate_scale;
    const double decay = group.set.decays ? options_.weight_decay : 0.0;
    if (options_.algorithm == "adam") {
      for (at::Tensor& steps : group.steps) steps.add_(1);
      // Decoupled weight decay (Loshchilov and Hutter, 2019); without decay it is Adam.
      at::_fused_adamw_(group.set.parameters, gradients, group.first, group.second, {}, group.steps, rate,
                        0.9, 0.999, decay, 1e-8, /*amsgrad=*/false, /*maximize=*/false);
    } else {
      // Without momentum LibTorch takes no buffers.
      const at::TensorList buffers =
          options_.momentum == 0.0 ? at::TensorList() : at::TensorList(group.first);
      at::_fused_sgd_(group.set.parameters, gradients, buffers, decay, options_.momentum, rate,
                      /*dampening=*/0.0,
                      /*nesterov=*/false, /*maximize=*/false, first_step);
    }
  }
  stepped_.fill_(1);
}

void FusedOptimizer::zero_gradients() {
  for (Group& group : groups_) {
    for (at::Tensor& parameter : group.set.parameters) parameter.mutable_grad().reset();
  }
}

void FusedOptimizer::for_each_state(const std::function<void(const std::string&, at::Tensor&)>& visit) {
  visit("stepped", stepped_);
  for (size_t g = 0; g < groups_.size(); ++g) {
    const std::string prefix = std::to_string(g) + ".";
    for (size_t i = 0; i < groups_[g].first.size(); ++i) {
      const std::string place = prefix + std::to_string(i);
      visit("first." + place, groups_[g].first[i]);
      if (options_.algorithm != "adam") continue;
      visit("second." + place, groups_[g].second[i]);
      visit("steps." + place, groups_[g].steps[i]);
    }
  }
}

}  // namespace kones
