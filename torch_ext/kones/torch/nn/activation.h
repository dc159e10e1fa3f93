// The activations of the networks: ReLU, in float32 or in fixed point with a trained radix point, or signs
// with the hard tanh's gradient.
#pragma once

#include <functional>
#include <utility>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "kones/torch/nn/activation_kind.h"

namespace kones::nn {

class ActivationImpl : public torch::nn::Module {
 public:
  /// ReLU with `bits` above 0 rounds to unsigned fixed point of so many bits, whose threshold is trained.
  explicit ActivationImpl(ActivationKind kind, int bits = 0);
  at::Tensor forward(const at::Tensor& x);
  ActivationKind kind() const { return kind_; }

  /// 0 for float32 activations and signs.
  int bits() const { return bits_; }
  /// The radix point of fixed-point activations: they are multiples of 2^-fraction_bits.
  int fraction_bits() const;

  /// What is called with the operand of each forward, before it; an empty one ends that.
  using Observer = std::function<void(const at::Tensor& operand)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

  /// Parameter, float32 of one element: the base-2 logarithm of the threshold beyond which fixed-point
  /// activations saturate; the threshold is used rounded up to a power of two. It begins as 4, since batch
  /// norm comes before. Undefined without bits.
  at::Tensor log2_threshold;

 private:
  ActivationKind kind_;
  int bits_;
  Observer observer_;
};

TORCH_MODULE(Activation);

/// x rounded to the nearest multiple of s = 2^(ceil(log2_threshold) - bits), ties up, and clamped to 0 ..
/// (2^bits - 1) s. The gradient passes to x inside that range; that of log2_threshold is s ln 2 times
/// round(x / s) - x / s inside, 0 below and 2^bits - 1 above (Jain, Gural, Wu and Dick, "Trained Quantization
/// Thresholds for Accurate and Efficient Fixed-Point Inference of Deep Neural Networks", 2019, section 3).
/// float32; bits is 1 to 24. Throws c10::Error.
at::Tensor trained_fixed_point(const at::Tensor& x, const at::Tensor& log2_threshold, int bits);

}  // namespace kones::nn
