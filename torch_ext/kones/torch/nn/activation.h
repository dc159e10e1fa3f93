// The activations of the networks: ReLU, or signs with the hard tanh's gradient.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "kones/torch/nn/activation_kind.h"

namespace kones::nn {

class ActivationImpl : public torch::nn::Module {
 public:
  explicit ActivationImpl(ActivationKind kind) : kind_(kind) {}
  at::Tensor forward(const at::Tensor& x);
  ActivationKind kind() const { return kind_; }

 private:
  ActivationKind kind_;
};

TORCH_MODULE(Activation);

}  // namespace kones::nn
