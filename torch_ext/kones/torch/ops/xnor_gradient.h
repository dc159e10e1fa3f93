// The gradient of xnor_conv2d.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

namespace kones::ops {

/// xnor_conv2d with its gradient. What is kept for it is bits: the signs of x and of the weight, and where
/// |x| <= 1.
at::Tensor xnor_conv2d_autograd(const at::Tensor& x, const at::Tensor& weight,
                                const std::optional<at::Tensor>& scale, const std::optional<at::Tensor>& bias,
                                at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                                int64_t groups);

/// xnor_conv2d_prepacked, whose gradient, should one be asked for, is an error.
at::Tensor xnor_conv2d_prepacked_autograd(const at::Tensor& x, const at::Tensor& prepacked,
                                          int64_t out_channels, at::IntArrayRef kernel_size,
                                          const std::optional<at::Tensor>& scale,
                                          const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                                          at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups);

/// xnor_conv2d from words (signs.h) and the words of a weight; the result is of `type`, int32 for the sums.
/// Through the dispatcher.
at::Tensor xnor_conv2d_words(const at::Tensor& words, const at::Tensor& weight_words, int64_t in_channels,
                             const std::optional<at::Tensor>& scale, const std::optional<at::Tensor>& bias,
                             at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                             int64_t groups, at::ScalarType type, bool channels_last);

}  // namespace kones::ops
