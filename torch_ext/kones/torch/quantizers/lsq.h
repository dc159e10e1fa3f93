// LSQ: fixed point whose step is trained (Esser, McKinstry, Bablani, Appuswamy and Modha, "Learned Step Size
// Quantization", ICLR 2020, section 2).
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "kones/torch/quantizers/scale.h"

namespace kones::quantizers {

/// What is quantized: it decides what n counts in the scale of the step's gradient.
enum class LsqOperand {
  weight,      ///< n is the number of weights that share a step
  activation,  ///< n is the number of features of one sample (index in dimension 0) that share a step
};

struct LsqOptions {
  int64_t bits = 4;       ///< 1 to 24; signed, 2 to 24
  bool is_signed = true;  ///< levels -2^(bits-1) .. 2^(bits-1) - 1, otherwise 0 .. 2^bits - 1
  LsqOperand operand = LsqOperand::weight;
  ChannelDimension channels;  ///< which elements share a step
};

/// round(clip(v / s, -QN, QP)) s, QN = 2^(bits-1) and QP = 2^(bits-1) - 1, or, unsigned,
/// QN = 0 and QP = 2^bits - 1. Ties round up, as the operator fixed_point does.
///
/// v is float32, float16 or bfloat16 of any shape; the result has its type (the two small ones are computed
/// in float32 and rounded at the end). step is float32: one element, or [C] for C channels; below 2^-60,
/// negative included, a step acts as 2^-60. NaN stays NaN.
///
/// Gradients: to v, g where -QN < v/s < QP, else 0. To s, the sum over the elements that
/// share it, in float64, of g times round(v/s) - v/s there, -QN where v/s <= -QN and QP where v/s >= QP, all
/// times 1 / sqrt(n QP) (section 2.2). A NaN in v makes the gradient of its step NaN. Throws c10::Error.
at::Tensor lsq(const at::Tensor& v, const at::Tensor& step, const LsqOptions& options);

/// The step to begin with, 2 mean |v| / sqrt(QP) (section 2.1), at least 2^-60: of shape [] or [C]. v is the
/// weights, or the first batch of the activations.
at::Tensor lsq_initial_step(const at::Tensor& v, const LsqOptions& options);

/// LSQ with its steps. Do not decay `step`, and give it no weight in a norm that is clipped, unless you mean
/// it.
class LsqImpl : public torch::nn::Module {
 public:
  /// One step, or `channel_count` of them if options.channels is given. Throws c10::Error.
  explicit LsqImpl(LsqOptions options, int64_t channel_count = 0);

  /// The first call sets the steps from its v, unless initialize, or a state that was loaded, has.
  at::Tensor forward(const at::Tensor& v);

  /// Sets the steps by lsq_initial_step. Refuses values whose mean is not finite.
  void initialize(const at::Tensor& v);

  const LsqOptions& options() const { return options_; }

  at::Tensor step;         ///< parameter, float32, shape [] or [C]
  at::Tensor initialized;  ///< buffer, bool, shape []: stored with the module

 private:
  LsqOptions options_;
  bool known_initialized_ = false;
};

TORCH_MODULE(Lsq);

}  // namespace kones::quantizers
