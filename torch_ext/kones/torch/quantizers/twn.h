// TWN: ternary weights by a threshold and a scale from the weights' statistics (Li, Zhang and Liu, "Ternary
// Weight Networks", 2016, section 2).
#pragma once

#include "kones/torch/quantizers/scale.h"

namespace kones::quantizers {

/// The threshold and the scale of each group, float32 of shape [] or [C].
struct TwnScales {
  at::Tensor threshold;  ///< 0.7 mean |w|
  at::Tensor scale;      ///< the mean of |w| over |w| > threshold, or 0 if there is none
};

/// The statistics of w, over the whole tensor as published, or a channel each. The sums are in float64. No
/// gradient flows. Throws c10::Error.
TwnScales twn_scales(const at::Tensor& w, ChannelDimension channels = {});

/// +scale where w > threshold, -scale where w < -threshold, else 0, with the scales of w now. w
/// is float32, float16 or bfloat16 of any shape; the result has its type (the two small ones are computed in
/// float32 and rounded at the end). The gradient passes straight through to w; threshold and scale take none.
/// A NaN in w makes its group NaN; an infinity is NaN itself and leaves its group 0. An empty tensor gives an
/// empty one. Throws c10::Error.
at::Tensor twn(const at::Tensor& w, ChannelDimension channels = {});

}  // namespace kones::quantizers
