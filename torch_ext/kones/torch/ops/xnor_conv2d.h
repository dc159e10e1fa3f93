// The operators of convolutions of signs for C++; from Python they are torch.ops.kones.*. All of them compute
// conv2d of sign(x) with sign(weight), where sign(0) = +1, as counts of bits; padded pixels add nothing.
#pragma once

#include <optional>
#include <string_view>
#include <tuple>

#include <ATen/core/Tensor.h>

namespace kones {

/// conv2d(sign(x), sign(weight)) * scale[o] + bias[o]: the integer sum becomes float32, then one
/// multiplication and one addition. x is [N, C, H, W], float32, float16 or bfloat16, of any strides; weight
/// [O, C / groups, kh, kw]; scale and bias [O]. The result has x's type and memory format. The gradient
/// reaches x where |x| <= 1 (Courbariaux and others, 2016, section 1.3), the weight straight through, scale
/// and bias exactly; autograd keeps bits, not numbers. Throws c10::Error.
at::Tensor xnor_conv2d(const at::Tensor& x, const at::Tensor& weight,
                       const std::optional<at::Tensor>& scale = {},
                       const std::optional<at::Tensor>& bias = {}, at::IntArrayRef stride = {1, 1},
                       at::IntArrayRef padding = {0, 0}, at::IntArrayRef dilation = {1, 1},
                       int64_t groups = 1);

/// The int32 sums of words that pack_signs made: x_words of [N, C, H, W], weight_words of [O, C, kh, kw]. The
/// result is [N, O, H, W], channels last.
at::Tensor xnor_conv2d_packed(const at::Tensor& x_words, const at::Tensor& weight_words, int64_t in_channels,
                              at::IntArrayRef stride = {1, 1}, at::IntArrayRef padding = {0, 0},
                              at::IntArrayRef dilation = {1, 1});

/// A weight in the order in which the kernels of its device read it: an opaque tensor of bytes.
at::Tensor xnor_prepack(const at::Tensor& weight, int64_t groups = 1);

/// xnor_conv2d with a weight that xnor_prepack made; for inference: it has no gradient.
at::Tensor xnor_conv2d_prepacked(const at::Tensor& x, const at::Tensor& prepacked, int64_t out_channels,
                                 at::IntArrayRef kernel_size, const std::optional<at::Tensor>& scale = {},
                                 const std::optional<at::Tensor>& bias = {}, at::IntArrayRef stride = {1, 1},
                                 at::IntArrayRef padding = {0, 0}, at::IntArrayRef dilation = {1, 1},
                                 int64_t groups = 1);

/// What follows a convolution in xnor_conv2d_fused, in this order: the sum times scale plus bias, plus
/// residual, activation, plus shift. All but residual are [O].
struct XnorConv2dEpilogue {
  std::optional<at::Tensor> scale;
  std::optional<at::Tensor> bias;
  std::optional<at::Tensor> residual;    ///< of the result's sizes and type
  std::string_view activation = "none";  ///< none, relu or prelu
  std::optional<at::Tensor> slope;       ///< of prelu
  std::optional<at::Tensor> shift;
  std::optional<at::Tensor> sign_threshold;  ///< where the next layer's sign changes; 0 if there is none
};

/// A binary convolution with all that a block of Bi-Real Net (Liu and others, 2018) or ReActNet (Liu and
/// others, 2020) does up to the next one, for inference: the result, and its signs packed for the next
/// convolution. x is numbers or their words, of which the result is float32 and channels last.
std::tuple<at::Tensor, at::Tensor> xnor_conv2d_fused(
    const at::Tensor& x, const at::Tensor& prepacked, int64_t in_channels, int64_t out_channels,
    at::IntArrayRef kernel_size, const XnorConv2dEpilogue& epilogue, at::IntArrayRef stride = {1, 1},
    at::IntArrayRef padding = {0, 0}, at::IntArrayRef dilation = {1, 1}, int64_t groups = 1);

/// The next layer's words straight from the sums: output o is negative exactly where (sum < threshold[o]) !=
/// flipped[o]. threshold is int32 [O], flipped bool [O].
at::Tensor xnor_conv2d_signs(const at::Tensor& x, const at::Tensor& prepacked, int64_t in_channels,
                             int64_t out_channels, at::IntArrayRef kernel_size, const at::Tensor& threshold,
                             const std::optional<at::Tensor>& flipped = {}, at::IntArrayRef stride = {1, 1},
                             at::IntArrayRef padding = {0, 0}, at::IntArrayRef dilation = {1, 1},
                             int64_t groups = 1);

/// The threshold and flipped of xnor_conv2d_signs for which it gives the signs of sum * scale + bias, as
/// float32 computes them, for every sum of up to `products` products. scale and bias are float32 [O].
std::tuple<at::Tensor, at::Tensor> xnor_sign_thresholds(const at::Tensor& scale, const at::Tensor& bias,
                                                        int64_t products);

/// xnor_conv2d for x [..., C] and weight [O, C]: the result is [..., O].
at::Tensor xnor_linear(const at::Tensor& x, const at::Tensor& weight,
                       const std::optional<at::Tensor>& scale = {},
                       const std::optional<at::Tensor>& bias = {});

}  // namespace kones
