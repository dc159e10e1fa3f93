#include "kones/torch/quantizers/lsq.h"

#include <cmath>

#include <torch/torch.h>

#include "kones/torch/ops/fixed_point.h"
#include "kones/torch/quantizers/arguments.h"

namespace kones::quantizers {
namespace {

void check_options(const LsqOptions& options) {
  check_integer("lsq", options.is_signed ? "bits (signed)" : "bits", options.bits, options.is_signed ? 2 : 1,
                24);
}

double largest_level(const LsqOptions& options) {
  return static_cast<double>((int64_t{1} << (options.bits - (options.is_signed ? 1 : 0))) - 1);
}

double smallest_level(const LsqOptions& options) {
  return options.is_signed ? -static_cast<double>(int64_t{1} << (options.bits - 1)) : 0.0;
}

/// 1 / sqrt(n QP), or 0 if there is nothing to sum.
double gradient_scale(const at::Tensor& v, const LsqOptions& options) {
  if (v.numel() == 0) return 0.0;
  const int64_t samples = options.operand == LsqOperand::activation ? v.size(0) : 1;
  const double n = static_cast<double>(group_size(v, options.channels)) / static_cast<double>(samples);
  return 1.0 / std::sqrt(n * largest_level(options));
}

/// v float32, s such that it broadcasts over v.
class LsqFunction : public torch::autograd::Function<LsqFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& v,
                            const at::Tensor& s, const LsqOptions& options) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    context->save_for_backward({v, s});
    context->saved_data["bits"] = options.bits;
    context->saved_data["signed"] = options.is_signed;
    context->saved_data["activation"] = options.operand == LsqOperand::activation;
    context->saved_data["channels"] = options.channels ? c10::IValue(*options.channels) : c10::IValue();
    const at::Tensor step = s.clamp_min(smallest_trained_scale);
    return fixed_point(v / step, options.bits, 0, options.is_signed).mul_(step);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& v = saved[0];
    const at::Tensor& s = saved[1];
    LsqOptions options;
    options.bits = context->saved_data["bits"].toInt();
    options.is_signed = context->saved_data["signed"].toBool();
    options.operand =
        context->saved_data["activation"].toBool() ? LsqOperand::activation : LsqOperand::weight;
    options.channels = context->saved_data["channels"].toOptional<int64_t>();

    const at::Tensor& g = gradients[0];
    const at::Tensor ratio = v / s.clamp_min(smallest_trained_scale);
    const at::Tensor outside =
        (ratio > smallest_level(options)).logical_and_(ratio < largest_level(options)).logical_not_();
    at::Tensor to_v, to_s;
    if (context->needs_input_grad(0)) to_v = g.masked_fill(outside, 0);
    if (context->needs_input_grad(1)) {
      // Outside, the level is -QN or QP itself.
      const at::Tensor slope =
          fixed_point(ratio, options.bits, 0, options.is_signed).sub_(ratio.masked_fill(outside, 0));
      to_s = group_sum(g * slope, options.channels)
                 .mul_(gradient_scale(v, options))
                 .to(at::kFloat)
                 .reshape(s.sizes());
    }
    return {to_v, to_s, {}};
  }
};

}  // namespace

at::Tensor lsq(const at::Tensor& v, const at::Tensor& step, const LsqOptions& options) {
  check_operand("lsq", "v", v);
  check_options(options);
  TORCH_CHECK_TYPE(step.scalar_type() == at::kFloat, "lsq: step is ", step.scalar_type(),
                   "; it takes float32");
  TORCH_CHECK_VALUE(options.operand == LsqOperand::weight || v.dim() >= 1,
                    "lsq: v has no dimension; an activation has samples along dimension 0");
  TORCH_CHECK_VALUE(!(options.operand == LsqOperand::activation && options.channels && v.dim() > 0 &&
                      (*options.channels == 0 || *options.channels == -v.dim())),
                    "lsq: the channels of an activation are in dimension 0, which its samples are in; it "
                    "takes another");
  return LsqFunction::apply(v.to(at::kFloat), spread("lsq", "step", step, v, options.channels), options)
      .to(v.scalar_type());
}

at::Tensor lsq_initial_step(const at::Tensor& v, const LsqOptions& options) {
  check_operand("lsq", "v", v);
  check_options(options);
  return (mean_abs(v, options.channels) * (2.0 / std::sqrt(largest_level(options))))
      .clamp_min(smallest_trained_scale);
}

LsqImpl::LsqImpl(LsqOptions options, int64_t channel_count) : options_(options) {
  check_options(options_);
  TORCH_CHECK_VALUE(options_.channels ? channel_count >= 1 : channel_count == 0, "lsq: channel_count is ",
                    channel_count, "; it takes ",
                    options_.channels ? "1 or more, as there is a channel dimension"
                                      : "0, as there is no channel dimension");
  step = register_parameter("step", options_.channels ? torch::ones({channel_count}) : torch::ones({}));
  initialized = register_buffer("initialized", torch::zeros({}, torch::kBool));
}

void LsqImpl::initialize(const at::Tensor& v) {
  torch::NoGradGuard no_gradient;
  const at::Tensor first = lsq_initial_step(v, options_);
  TORCH_CHECK_VALUE(first.sizes() == step.sizes(), "lsq: v is of shape ", v.sizes(), ", which has ",
                    first.numel(), " steps; this module has ", step.numel());
  TORCH_CHECK_VALUE(first.isfinite().all().item<bool>(),
                    "lsq: v has a NaN or an infinity; the first step takes finite values");
  step.copy_(first);
  initialized.fill_(true);
  known_initialized_ = true;
}

at::Tensor LsqImpl::forward(const at::Tensor& v) {
  // The buffer is asked once, as it may be on a device.
  if (!known_initialized_) known_initialized_ = initialized.item<bool>();
  if (!known_initialized_) initialize(v);
  return lsq(v, step, options_);
}

}  // namespace kones::quantizers
