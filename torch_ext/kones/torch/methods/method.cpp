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
      {"lightnn-3", {NumberFormat::k_ones(3)}, ActivationKind::relu, "weights of three powers of two, ReLU"},
      {"lightnn-4", {NumberFormat::k_ones(4)}, ActivationKind::relu, "weights of four powers of two, ReLU"},
      {"power-of-two",
       {NumberFormat::power_of_two(-6, 0, /*zero=*/true)},
       ActivationKind::relu,
       "weights 0 and +-2^-m, m = 0..6, ReLU"},
      {"power-of-two-bin",
       {NumberFormat::power_of_two(-6, 0, /*zero=*/true)},
       ActivationKind::sign,
       "weights 0 and +-2^-m, m = 0..6, sign activations"},
      {"ternary",
       {NumberFormat::ternary()},
       ActivationKind::relu,
       "weights 0 and +-s, with one s a layer (TWN), ReLU"},
      {"ternary-bin",
       {NumberFormat::ternary()},
       ActivationKind::sign,
       "weights 0 and +-s, with one s a layer (TWN), sign activations"},
      {"fixed-12",
       {NumberFormat::fixed_point(2, 10)},
       ActivationKind::relu,
       "12-bit weights in [-2, 2), ReLU"},
      {"fixed-8", {NumberFormat::fixed_point(1, 7)}, ActivationKind::relu, "8-bit weights in [-1, 1), ReLU"},
      {"fixed-4", {NumberFormat::fixed_point(1, 3)}, ActivationKind::relu, "4-bit weights in [-1, 1), ReLU"},
  };
  return table;
}

const Method& find_method(const std::string& name) {
  return find_choice("method", methods(), name);
}

}  // namespace kones
