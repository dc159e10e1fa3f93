#include "kones/torch/methods/method.h"

#include "kones/torch/choice.h"

namespace kones {

const std::vector<Method>& methods() {
  using nn::ActivationKind;
  static const std::vector<Method> table = {
      {"float", {}, ActivationKind::relu, "float32 weights, ReLU (the conventional network)"},
      {"lightnn-2", {NumberFormat::k_ones(2)}, ActivationKind::relu, "weights +-(2^-m1 + 2^-m2), ReLU"},
      {"lightnn-1", {NumberFormat::k_ones(1)}, ActivationKind::relu, "weights +-2^-m, ReLU"},
      {"binaryconnect", {NumberFormat::binary()}, ActivationKind::relu, "weights +-1, ReLU"},
      {"lightnn-2-bin",
       {NumberFormat::k_ones(2)},
       ActivationKind::sign,
       "weights +-(2^-m1 + 2^-m2), sign activations"},
      {"lightnn-1-bin", {NumberFormat::k_ones(1)}, ActivationKind::sign, "weights +-2^-m, sign activations"},
      {"binarynet", {NumberFormat::binary()}, ActivationKind::sign, "weights +-1, sign activations"},
  };
  return table;
}

const Method& find_method(const std::string& name) {
  return find_choice("method", methods(), name);
}

}  // namespace kones
