// PACT: activations clipped at a trained value (Choi, Wang, Venkataramani, Chuang, Srinivasan and
// Gopalakrishnan, "PACT: Parameterized Clipping Activation for Quantized Neural Networks", 2018, section 3).
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

namespace kones::quantizers {

/// With y = clip(x, 0, alpha) and n = 2^bits - 1: round(n y / alpha) alpha / n, levels 0,
/// alpha / n, ..., alpha; ties round up, as the operator fixed_point does. bits is 1 to 24.
///
/// x is float32, float16 or bfloat16 of any shape; the result has its type (the two small ones are computed
/// in float32 and rounded at the end). alpha is a float32 tensor of one element; below 2^-60, negative
/// included, it acts as 2^-60. NaN in x stays NaN.
///
/// Gradients: to x, g where 0 < x < alpha, else 0; to alpha, the sum of g over x >= alpha, in
/// float64. Where x is NaN neither gets any. A byte an element is kept for them, not x. Throws c10::Error.
at::Tensor pact(const at::Tensor& x, const at::Tensor& alpha, int64_t bits);

/// PACT with its clipping value: what stands in place of a layer's ReLU.
class PactImpl : public torch::nn::Module {
 public:
  /// The paper starts `alpha` well above the activations (10) and lets an L2 penalty pull it down: give the
  /// optimizer a weight decay for it. initial_alpha is positive and finite. Throws c10::Error.
  explicit PactImpl(int64_t bits, double initial_alpha = 10.0);

  at::Tensor forward(const at::Tensor& x) const;

  int64_t bits() const { return bits_; }

  at::Tensor alpha;  ///< parameter, float32, shape []

 private:
  int64_t bits_;
};

TORCH_MODULE(Pact);

}  // namespace kones::quantizers
