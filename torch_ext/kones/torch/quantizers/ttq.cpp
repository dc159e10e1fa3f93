#include "kones/torch/quantizers/ttq.h"

#include <limits>

#include <torch/torch.h>

#include "kones/torch/quantizers/arguments.h"

namespace kones::quantizers {
namespace {

/// w float32; the scales such that they broadcast over w.
class TtqFunction : public torch::autograd::Function<TtqFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& w,
                            const at::Tensor& threshold, const at::Tensor& positive,
                            const at::Tensor& negative, ChannelDimension channels) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const at::Tensor above = w > threshold;
    const at::Tensor below = w < -threshold;
    const at::Tensor sign = above.to(at::kChar).sub_(below.to(at::kChar));
    // 0 between the thresholds, NaN where the weight or the threshold is.
    const at::Tensor level =
        (w.isnan().logical_or_(threshold.isnan()))
            .to(at::kFloat)
            .masked_fill_(w.isnan().logical_or(threshold.isnan()), std::numeric_limits<double>::quiet_NaN());
    context->save_for_backward({sign, positive, negative});
    context->saved_data["channels"] = channels ? c10::IValue(*channels) : c10::IValue();
    return at::where(sign > 0, positive, at::where(sign < 0, -negative, level)).add_(0.0);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& sign = saved[0];
    const at::Tensor& positive = saved[1];
    const at::Tensor& negative = saved[2];
    const auto channels = context->saved_data["channels"].toOptional<int64_t>();
    const at::Tensor& g = gradients[0];
    const at::Tensor is_positive = sign > 0, is_negative = sign < 0;
    at::Tensor to_w, to_positive, to_negative;
    if (context->needs_input_grad(0)) {
      to_w = at::where(is_positive, g * positive, at::where(is_negative, g * negative, g));
    }
    if (context->needs_input_grad(2)) {
      to_positive = group_sum(g.masked_fill(is_positive.logical_not(), 0), channels)
                        .to(at::kFloat)
                        .reshape(positive.sizes());
    }
    if (context->needs_input_grad(3)) {
      to_negative = group_sum(g.masked_fill(is_negative.logical_not(), 0), channels)
                        .neg()
                        .to(at::kFloat)
                        .reshape(negative.sizes());
    }
    return {to_w, {}, to_positive, to_negative, {}};
  }
};

void check_scale(const char* argument, const at::Tensor& scale) {
  TORCH_CHECK_TYPE(scale.scalar_type() == at::kFloat, "ttq: ", argument, " is ", scale.scalar_type(),
                   "; it takes float32");
}

}  // namespace

at::Tensor ttq(const at::Tensor& w, const at::Tensor& threshold, const at::Tensor& positive,
               const at::Tensor& negative, ChannelDimension channels) {
  check_operand("ttq", "w", w);
  check_scale("threshold", threshold);
  // On a device the answer would have to be waited for at each step.
  TORCH_CHECK_VALUE(!threshold.is_cpu() || !(threshold < 0).any().item<bool>(),
                    "ttq: threshold is negative; it takes 0 or more");
  check_scale("positive", positive);
  check_scale("negative", negative);
  return TtqFunction::apply(w.to(at::kFloat), spread("ttq", "threshold", threshold.detach(), w, channels),
                            spread("ttq", "positive", positive, w, channels),
                            spread("ttq", "negative", negative, w, channels), channels)
      .to(w.scalar_type());
}

at::Tensor ttq_threshold(const at::Tensor& w, double t, ChannelDimension channels) {
  check_operand("ttq_threshold", "w", w);
  check_number("ttq_threshold", "t", t, 0.0, 1.0);
  return max_abs(w, channels) * t;
}

at::Tensor ttq_threshold_for_zeros(const at::Tensor& w, double share, ChannelDimension channels) {
  check_operand("ttq_threshold_for_zeros", "w", w);
  check_number("ttq_threshold_for_zeros", "share", share, 0.0, 1.0);
  const int64_t size = group_size(w, channels);
  const auto rank = static_cast<int64_t>(share * static_cast<double>(size));
  const at::Tensor magnitude = w.detach().abs();
  if (rank == 0) return at::zeros_like(group_sum(magnitude, channels), at::kFloat);
  const at::Tensor groups =
      channels ? magnitude.movedim(*channels, 0).reshape({-1, size}) : magnitude.reshape({1, size});
  const at::Tensor value = std::get<0>(groups.kthvalue(rank, 1)).to(at::kFloat);
  return channels ? value : value.reshape({});
}

TtqImpl::TtqImpl(TtqOptions options, int64_t channel_count) : options_(options) {
  check_number("ttq", "t", options_.t, 0.0, 1.0);
  if (options_.zeros) check_number("ttq", "zeros", *options_.zeros, 0.0, 1.0);
  TORCH_CHECK_VALUE(options_.channels ? channel_count >= 1 : channel_count == 0, "ttq: channel_count is ",
                    channel_count, "; it takes ",
                    options_.channels ? "1 or more, as there is a channel dimension"
                                      : "0, as there is no channel dimension");
  const auto ones = [&] { return options_.channels ? torch::ones({channel_count}) : torch::ones({}); };
  positive = register_parameter("positive", ones());
  negative = register_parameter("negative", ones());
}

at::Tensor TtqImpl::threshold(const at::Tensor& w) const {
  return options_.zeros ? ttq_threshold_for_zeros(w, *options_.zeros, options_.channels)
                        : ttq_threshold(w, options_.t, options_.channels);
}

void TtqImpl::initialize(const at::Tensor& w) {
  torch::NoGradGuard no_gradient;
  const at::Tensor x = w.to(at::kFloat);
  const at::Tensor beyond = spread("ttq", "threshold", threshold(w), w, options_.channels);
  const auto mean_where = [&](const at::Tensor& chosen) {
    const at::Tensor sum = group_sum(x.abs().masked_fill(chosen.logical_not(), 0), options_.channels);
    return sum / group_sum(chosen, options_.channels).clamp_min(1);
  };
  const at::Tensor above = mean_where(x > beyond), below = mean_where(x < -beyond);
  TORCH_CHECK_VALUE(above.sizes() == positive.sizes(), "ttq: w is of shape ", w.sizes(), ", which has ",
                    above.numel(), " pairs of scales; this module has ", positive.numel());
  positive.copy_(above);
  negative.copy_(below);
}

at::Tensor TtqImpl::forward(const at::Tensor& w) const {
  return ttq(w, threshold(w), positive, negative, options_.channels);
}

}  // namespace kones::quantizers
