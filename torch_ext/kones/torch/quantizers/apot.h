// APoT: levels that are sums of a few powers of two, with a trained clipping value (Li, Dong and Wang,
// "Additive Powers-of-Two Quantization: An Efficient Non-uniform Discretization for Neural Networks",
// ICLR 2020, section 2).
#pragma once

#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

namespace kones::quantizers {

/// The 2^magnitude_bits magnitudes, ascending, from 0 to 1, each a float32 number: all
/// sums of one number from each of the sets, divided by the largest sum. With base_bits = k and
/// magnitude_bits = n k, set i of n is {0, 2^-i, 2^-(i + n), ..., 2^-(i + (2^k - 2) n)}. k = 1 gives uniform
/// levels, k = magnitude_bits powers of two. For k = 2, the published choice, an odd number of bits adds a
/// set of one power, which stands between the second and the third powers of the others, as in the authors'
/// code: 3 bits are {0, 2^-1, 2^-2, 2^-4} + {0, 2^-3}, over 3/4.
///
/// magnitude_bits is 1 to 8 and base_bits 1 to magnitude_bits; it divides magnitude_bits, unless it is 2; the
/// smallest power must be 2^-24 or more of the largest. Throws c10::Error.
std::vector<double> apot_magnitudes(int64_t magnitude_bits, int64_t base_bits = 2);

/// Whether the gradient to a clipped value passes.
enum class ApotClippedGradient {
  zero,  ///< that of the clip itself; the authors' code for ImageNet
  pass,  ///< straight through clip and rounding; their code for the weights of CIFAR-10
};

/// A level set and how values go to it.
struct ApotOptions {
  int64_t bits = 4;       ///< signed: one is the sign. 2 to 9 signed, 1 to 8 unsigned
  int64_t base_bits = 2;  ///< k of apot_magnitudes
  bool is_signed = true;  ///< weights; activations are unsigned
  ApotClippedGradient clipped_gradient = ApotClippedGradient::zero;
};

/// Values to alpha times the nearest level, with the levels in a form that the kernels take.
class ApotProjection {
 public:
  /// Throws c10::Error for options that have no levels.
  explicit ApotProjection(ApotOptions options);

  /// alpha q(clip(x / alpha, -1, 1)), or clip(x / alpha, 0, 1) unsigned (section 2.3, reparameterized
  /// clipping): q is the nearest level, ties away from zero, a zero is +0. x is float32, float16 or bfloat16
  /// of any shape; the result has its type (the two small ones are computed in float32 and rounded at the
  /// end). alpha is one float32; below 2^-60, negative included, it acts as 2^-60. NaN stays NaN.
  ///
  /// Gradients, g of the result and r = x / alpha: to x, g where -1 <= r <= 1 (unsigned, 0 <= r <= 1), and
  /// outside as clipped_gradient says; to alpha, the sum, in float64, of g times q(r) - r inside, and outside
  /// the end of the range, -1 or 1 (0 below 0, unsigned). Throws c10::Error.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& alpha) const;

  const ApotOptions& options() const { return options_; }
  /// The magnitudes, float32, ascending, on the CPU.
  const at::Tensor& magnitudes() const { return magnitudes_; }

 private:
  ApotOptions options_;
  at::Tensor magnitudes_, boundaries_;
};

/// Whether the statistics of weight normalization take a gradient.
enum class ApotStatistics {
  trained,   ///< the gradient goes through mean and deviation, as in the authors' code for ImageNet
  detached,  ///< they are constants of the step, as in their code for CIFAR-10
};

/// (w - mean w) / deviation(w) over the whole tensor (section 2.4), deviation with n - 1 in its denominator,
/// as in the authors' code. If it is 0, or there is but one weight, it is taken as the constant 1, which
/// gives zeros. float32, float16 or bfloat16 in; float32 out. A NaN makes all NaN. Throws c10::Error.
at::Tensor apot_normalize(const at::Tensor& w, ApotStatistics statistics = ApotStatistics::trained);

/// The weights of a layer: normalized, then projected with the trained alpha.
class ApotWeightImpl : public torch::nn::Module {
 public:
  /// options.is_signed must be true. initial_alpha is positive and finite. Throws c10::Error.
  explicit ApotWeightImpl(ApotOptions options, ApotStatistics statistics = ApotStatistics::trained,
                          double initial_alpha = 3.0);

  at::Tensor forward(const at::Tensor& w) const;

  const ApotProjection& projection() const { return projection_; }

  at::Tensor alpha;  ///< parameter, float32, shape []

 private:
  ApotProjection projection_;
  ApotStatistics statistics_;
};
TORCH_MODULE(ApotWeight);

/// Activations in place of a ReLU, projected with the trained alpha; unsigned unless the options say signed.
class ApotActivationImpl : public torch::nn::Module {
 public:
  /// initial_alpha is positive and finite. Throws c10::Error.
  explicit ApotActivationImpl(ApotOptions options, double initial_alpha = 8.0);

  at::Tensor forward(const at::Tensor& x) const;

  const ApotProjection& projection() const { return projection_; }

  at::Tensor alpha;  ///< parameter, float32, shape []

 private:
  ApotProjection projection_;
};
TORCH_MODULE(ApotActivation);

}  // namespace kones::quantizers
