// The activations of the networks: ReLU, or signs with the hard tanh's gradient.
#pragma once

#include <functional>
#include <utility>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "kones/torch/nn/activation_kind.h"

namespace kones::nn {

class ActivationImpl : public torch::nn::Module {
 public:
  explicit ActivationImpl(ActivationKind kind) : kind_(kind) {}
  at::Tensor forward(const at::Tensor& x);
  ActivationKind kind() const { return kind_; }

  /// What is called with the operand of each forward, before it; an empty one ends that.
  using Observer = std::function<void(const at::Tensor& operand)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

 private:
  ActivationKind kind_;
  Observer observer_;
};

TORCH_MODULE(Activation);

}  // namespace kones::nn
