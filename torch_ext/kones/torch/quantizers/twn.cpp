#include "kones/torch/quantizers/twn.h"

#include <ATen/ATen.h>

#include "kones/torch/ops/straight_through.h"
#include "kones/torch/ops/ternarize.h"
#include "kones/torch/quantizers/arguments.h"

namespace kones::quantizers {

TwnScales twn_scales(const at::Tensor& w, ChannelDimension channels) {
  check_operand("twn", "w", w);
  const at::Tensor magnitude = w.detach().to(at::kFloat).abs();
  const double count = static_cast<double>(std::max<int64_t>(group_size(w, channels), 1));
  const at::Tensor threshold = group_sum(magnitude, channels).mul_(0.7 / count).to(at::kFloat);
  const at::Tensor within = magnitude <= spread("twn", "threshold", threshold, w, channels);
  const at::Tensor sum = group_sum(magnitude.masked_fill(within, 0), channels);
  const at::Tensor kept = group_sum(within.logical_not(), channels);
  return {threshold, sum.div_(kept.clamp_min(1)).to(at::kFloat)};
}

at::Tensor twn(const at::Tensor& w, ChannelDimension channels) {
  check_operand("twn", "w", w);
  return ops::StraightThrough::apply(w, [channels](const at::Tensor& latent) {
    const TwnScales scales = twn_scales(latent, channels);
    const at::Tensor x = latent.to(at::kFloat);
    const at::Tensor threshold = spread("twn", "threshold", scales.threshold, x, channels);
    // What is left beyond +-threshold: a difference of float32 numbers is zero only if they are equal.
    const at::Tensor signs = ternarize(x - x.clamp(-threshold, threshold), 0.0);
    return signs.mul_(spread("twn", "scale", scales.scale, x, channels)).add_(0.0).to(latent.scalar_type());
  });
}

}  // namespace kones::quantizers
