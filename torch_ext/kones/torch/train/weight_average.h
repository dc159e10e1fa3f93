// An exponential moving average of a network's parameters over the steps of its training.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kones/torch/models/network.h"

namespace kones {

/// average <- d average + (1 - d) parameter after every step, of latent weights as of the rest; d is the
/// smaller of `decay` and (1 + t) / (10 + t) at step t, from 0, so that the first steps are soon forgotten.
class WeightAverage {
 public:
  WeightAverage(const Network& network, double decay);

  /// After the optimizer's step `step`, from 0.
  void update(int64_t step);

  /// Exchanges the averages and the network's parameters. Batch-norm statistics are those of the parameters
  /// before: they have to be made anew.
  void exchange();

  /// Calls visit(name, tensor) for every average: what a checkpoint has to keep.
  void for_each_state(const std::function<void(const std::string&, at::Tensor&)>& visit);

 private:
  double decay_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> averages_;
};

}  // namespace kones
