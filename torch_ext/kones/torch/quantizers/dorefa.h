// DoReFa-Net: quantized weights, activations and gradients (Zhou, Wu, Ni, Zhou, Wen and Zou, "DoReFa-Net:
// Training Low Bitwidth Convolutional Neural Networks with Low Bitwidth Gradients", 2016, sections 2.2 to
// 2.5).
//
// All are built on q_k(x) = round(n x) / n with n = 2^k - 1, for x in [0, 1], whose gradient passes straight
// through. Ties round up, as in the fixed_point operator, which does the rounding. `bits` (k) is 1 to 24, or
// 32 for no quantization. Tensors are float32, float16 or bfloat16, of any shape and strides; the results
// have their type: float16 and bfloat16 are computed in float32, and rounded to nearest even in their own
// type at the end. Every function throws c10::Error that says which argument it cannot take.
#pragma once

#include <ATen/core/Tensor.h>

#include "kones/numeric/philox.h"

namespace kones::quantizers {

/// Weights of a layer from its latent weights, one scale for the whole tensor.
///
/// bits = 1: E sign(w) with E = mean |w| and sign(0) = +1 (section 2.3). The gradient passes
/// straight through all of it; E takes none.
///
/// bits > 1: 2 q_k(t / (2 m) + 1/2) - 1 with t = tanh(w) and m = max |t|, levels -1, -1 + 2/n, ..., 1 (no
/// zero; section 2.3). The gradient is the chain rule's through tanh, the division and the
/// maximum:
///     dL/dw_i = (1 - t_i^2) (g_i / m - a_i / m^2 sum_j g_j t_j),
/// a_i = sign(t_i) where |t_i| = m (shared equally if several are), else 0. If all w are 0, m is taken as
/// the constant 1: every weight is +1/n.
///
/// bits = 32: w itself. A NaN makes the whole result NaN. An empty tensor gives an empty one.
at::Tensor dorefa_weight(const at::Tensor& w, int64_t bits);

/// q_k(clip(x, 0, 1)), levels 0, 1/n, ..., 1 (section 2.4, with the bounded activation h(x) =
/// clip(x, 0, 1)). The gradient passes where 0 <= x <= 1, ends included, exactly as it is; what is kept for
/// it is a bit an element. bits = 32 is ReLU, as in the authors' code. NaN stays NaN.
at::Tensor dorefa_activation(const at::Tensor& x, int64_t bits);

/// Whether the gradient's rounding is dithered.
enum class DorefaNoise {
  on,   ///< as published
  off,  ///< rounds to nearest: biased, for comparison
};

/// x unchanged; the gradient that flows back through it is quantized (section 2.5). It belongs
/// right behind a convolution or linear layer, in front of its batch norm. For each sample (index in
/// dimension 0) of the gradient d, with m = max |d| over the sample,
///     2 m (q_k(d / (2 m) + 1/2 + N) - 1/2),   N uniform in (-1/2, 1/2) / n, one draw an element.
/// N is (1/2 - u) / n with u the uniform number of kones' Philox stream: element i of the gradient in
/// row-major order uses word i mod 4 of block i / 4 of `stream`, u = (word >> 8) 2^-24. Rounding a dithered
/// number to nearest is stochastic rounding: the upper neighbour h of n (d / (2 m) + 1/2) in [l, h] is taken
/// exactly where u < (x - l) / (h - l), which is how the operator fixed_point computes it, the same on every
/// device. Clipping to [0, 1] changes nothing, as m bounds |d|.
///
/// A sample of zeros stays zero. A NaN makes its sample NaN; with an infinity, no element of it is finite.
/// bits = 32 leaves the gradient as it is. x has at least one dimension.
at::Tensor dorefa_gradient(const at::Tensor& x, int64_t bits, RandomStream stream = {},
                           DorefaNoise noise = DorefaNoise::on);

}  // namespace kones::quantizers
