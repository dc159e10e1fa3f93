#include "kones/torch/nn/activation.h"

#include <cmath>

#include <torch/torch.h>

#include "kones/torch/ops/binarize.h"

namespace kones::nn {
namespace {

constexpr double initial_log2_threshold = 2.0;
constexpr double natural_log_of_2 = 0.69314718055994530942;

/// Such that every integer of the format and its unit are float32 numbers.
constexpr int max_log2 = 100;

int whole_log2(const at::Tensor& log2_threshold) {
  const double value = std::ceil(log2_threshold.item<double>());
  if (!(value > -max_log2)) return -max_log2;  // NaN as well
  return value < max_log2 ? static_cast<int>(value) : max_log2;
}

class TrainedFixedPoint : public torch::autograd::Function<TrainedFixedPoint> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& log2_threshold, int64_t bits) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const double unit = std::ldexp(1.0, whole_log2(log2_threshold) - static_cast<int>(bits));
    context->save_for_backward({x, log2_threshold});
    context->saved_data["unit"] = unit;
    context->saved_data["largest"] = std::ldexp(1.0, static_cast<int>(bits)) - 1.0;
    return rounded(x / unit).clamp_(0.0, std::ldexp(1.0, static_cast<int>(bits)) - 1.0).mul_(unit);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const double unit = context->saved_data["unit"].toDouble();
    const double largest = context->saved_data["largest"].toDouble();
    const at::Tensor& g = gradients[0];
    const at::Tensor scaled = saved[0] / unit;
    const at::Tensor whole = rounded(scaled);
    const at::Tensor inside = whole.ge(0.0).logical_and_(whole.le(largest));
    const at::Tensor slope = at::where(inside, whole - scaled, whole.clamp(0.0, largest));
    const at::Tensor threshold_gradient =
        at::sum(g * slope, at::kDouble).mul_(unit * natural_log_of_2).to(saved[1].scalar_type());
    return {g * inside, threshold_gradient.view_as(saved[1]), {}};
  }

 private:
  /// Halves up, without the sum x + 1/2, which float32 may round up to the next whole number.
  static at::Tensor rounded(const at::Tensor& x) {
    const at::Tensor floor = x.floor();
    return floor + (x - floor).ge(0.5);
  }
};

}  // namespace

ActivationImpl::ActivationImpl(ActivationKind kind, int bits) : kind_(kind), bits_(bits) {
  if (bits_ > 0)
    log2_threshold = register_parameter("log2_threshold", torch::full({}, initial_log2_threshold));
}

at::Tensor ActivationImpl::forward(const at::Tensor& x) {
  if (observer_) observer_(x);
  if (kind_ == ActivationKind::sign) {
    // The operator takes no float64.
    return x.scalar_type() == at::kDouble ? torch::where(x >= 0, 1.0, -1.0).to(at::kDouble) : binarize(x);
  }
  return bits_ > 0 ? trained_fixed_point(x, log2_threshold, bits_) : torch::relu(x);
}

int ActivationImpl::fraction_bits() const {
  TORCH_CHECK(bits_ > 0, "float32 activations have no radix point");
  return bits_ - whole_log2(log2_threshold);
}

at::Tensor trained_fixed_point(const at::Tensor& x, const at::Tensor& log2_threshold, int bits) {
  TORCH_CHECK_TYPE(x.scalar_type() == at::kFloat, "trained_fixed_point: x is ", x.scalar_type(),
                   "; it takes float32");
  TORCH_CHECK_VALUE(log2_threshold.numel() == 1, "trained_fixed_point: log2_threshold has ",
                    log2_threshold.numel(), " elements; it takes one");
  TORCH_CHECK_VALUE(bits >= 1 && bits <= 24, "trained_fixed_point: bits is ", bits, "; it takes 1 to 24");
  return TrainedFixedPoint::apply(x, log2_threshold, static_cast<int64_t>(bits));
}

}  // namespace kones::nn
