// Adam and SGD through LibTorch's fused kernels: one call updates all parameters that share a learning rate.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace kones {

/// A set of parameters and the factor on their learning rate.
struct ParameterGroup {
  std::vector<at::Tensor> parameters;
  double learning_rate_scale = 1.0;
  bool decays = true;  ///< whether weight decay applies
};

struct OptimizerOptions {
  std::string algorithm = "adam";  ///< adam (Kingma and Ba, 2015; betas 0.9 and 0.999, epsilon 1e-8), sgd
  double momentum = 0.9;           ///< sgd
  double weight_decay = 0.0;
};

class FusedOptimizer {
 public:
  FusedOptimizer(std::vector<ParameterGroup> groups, const OptimizerOptions& options);

  /// Updates every parameter from its gradient, which must be there.
  void step(double learning_rate);

  /// Frees the gradients.
  void zero_gradients();

  /// Calls visit(name, tensor) for the optimizer's state, in a fixed order: what a checkpoint has to keep.
  void for_each_state(const std::function<void(const std::string&, at::Tensor&)>& visit);

 private:
  struct Group {
    ParameterGroup set;
    std::vector<at::Tensor> first;   // Adam: mean of the gradient; SGD: momentum
    std::vector<at::Tensor> second;  // Adam: mean of its square
    std::vector<at::Tensor> steps;   // Adam: steps taken, one scalar a parameter
  };

  OptimizerOptions options_;
  std::vector<Group> groups_;
  at::Tensor stepped_;  // SGD: 0 before the first step, then 1
};

}  // namespace kones
