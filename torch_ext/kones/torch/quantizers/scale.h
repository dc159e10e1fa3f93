// Scales: one number for a whole tensor, or one for each channel of it.
#pragma once

#include <cmath>
#include <optional>

#include <ATen/core/Tensor.h>

namespace kones::quantizers {

/// Which elements of a tensor share a scale (are a group): all of them, or, if a dimension is given, those
/// with the same index in it. 0 is the output channel of a layer's weight, 1 the channel of an activation. A
/// negative dimension counts from the last.
using ChannelDimension = std::optional<int64_t>;

/// Trained scales (steps, clipping values) that an optimizer has pushed below this are used as this, while
/// their gradient passes, so that training can bring them back; a scale of zero or less has no meaning.
inline constexpr double smallest_trained_scale = 0x1p-60;

/// Mean of |x| over each group: a float32 tensor of shape [], or [C] for a dimension of C channels. It is
/// summed in float64, so that the order of the sum, which devices and thread counts choose, is all but never
/// seen. A group without elements has 0, one with a NaN has NaN. x is float32, float16 or bfloat16 of any
/// shape; no gradient flows. Throws c10::Error for other types, and a dimension that x lacks.
at::Tensor mean_abs(const at::Tensor& x, ChannelDimension channels = {});

/// Largest |x| of each group: otherwise as mean_abs.
at::Tensor max_abs(const at::Tensor& x, ChannelDimension channels = {});

/// Sum over each group, in float64, as a float64 tensor of shape [] or [C]; x is of any floating type.
at::Tensor group_sum(const at::Tensor& x, ChannelDimension channels = {});

/// x / divisor, correctly rounded on every device: ATen's CUDA kernel multiplies by the reciprocal where the
/// divisor is a number rather than a tensor on the device.
at::Tensor divide(const at::Tensor& x, double divisor);

/// How many elements of x share one scale.
int64_t group_size(const at::Tensor& x, ChannelDimension channels);

/// A view of `scale` (one element, or [C]) that broadcasts over x. Throws c10::Error, in the name of
/// `quantizer`, unless `scale` is of one of these shapes.
at::Tensor spread(const char* quantizer, const char* argument, const at::Tensor& scale, const at::Tensor& x,
                  ChannelDimension channels);

}  // namespace kones::quantizers
