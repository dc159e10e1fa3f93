#include "kones/torch/quantizers/apot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <torch/torch.h>

#include "kones/torch/quantizers/arguments.h"
#include "kones/torch/quantizers/scale.h"

namespace kones::quantizers {
namespace {

/// The exponents, counted down from 0, of the powers in each set.
std::vector<std::vector<int64_t>> exponent_sets(int64_t magnitude_bits, int64_t base_bits) {
  const int64_t sets = magnitude_bits / base_bits;
  const int64_t powers = (int64_t{1} << base_bits) - 1;
  const bool has_odd_bit = magnitude_bits % base_bits != 0;
  std::vector<std::vector<int64_t>> exponents(static_cast<size_t>(sets + (has_odd_bit ? 1 : 0)));
  int64_t exponent = 0;
  for (int64_t round = 0; round < powers; ++round) {
    if (has_odd_bit && round == powers - 1) exponents.back().push_back(exponent--);
    for (int64_t i = 0; i < sets; ++i) exponents[static_cast<size_t>(i)].push_back(exponent--);
  }
  return exponents;
}

/// The float32 numbers m_i such that a value is at least m_i exactly where level i + 1 is as near as level i
/// or nearer.
std::vector<float> boundaries_between(const std::vector<double>& levels) {
  std::vector<float> boundaries;
  for (size_t i = 0; i + 1 < levels.size(); ++i) {
    const double middle = (levels[i] + levels[i + 1]) / 2.0;
    float boundary = static_cast<float>(middle);
    if (static_cast<double>(boundary) < middle) boundary = std::nextafter(boundary, 2.0f);
    boundaries.push_back(boundary);
  }
  return boundaries;
}

/// q of the clipped ratio.
at::Tensor nearest_level(const at::Tensor& clipped, const at::Tensor& magnitudes,
                         const at::Tensor& boundaries) {
  const at::Tensor index = at::bucketize(clipped.abs(), boundaries, /*out_int32=*/true, /*right=*/true);
  const at::Tensor level =
      magnitudes.index_select(0, index.reshape({-1}).clamp_max_(magnitudes.numel() - 1)).view(index.sizes());
  return at::where(clipped < 0, -level, at::where(clipped == clipped, level, clipped)).add_(0.0);
}

class ApotFunction : public torch::autograd::Function<ApotFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& alpha, const at::Tensor& magnitudes,
                            const at::Tensor& boundaries, bool is_signed, bool pass_clipped) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    context->save_for_backward({x, alpha, magnitudes, boundaries});
    context->saved_data["signed"] = is_signed;
    context->saved_data["pass"] = pass_clipped;
    const at::Tensor scale = alpha.reshape({}).clamp_min(smallest_trained_scale);
    return nearest_level((x / scale).clamp_(is_signed ? -1 : 0, 1), magnitudes, boundaries).mul_(scale);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& alpha = saved[1];
    const at::Tensor& g = gradients[0];
    const double low = context->saved_data["signed"].toBool() ? -1.0 : 0.0;
    const at::Tensor ratio = saved[0] / alpha.reshape({}).clamp_min(smallest_trained_scale);
    const at::Tensor outside = (ratio < low).logical_or_(ratio > 1);
    at::Tensor to_x, to_alpha;
    if (context->needs_input_grad(0)) {
      to_x = context->saved_data["pass"].toBool() ? g : g.masked_fill(outside, 0);
    }
    if (context->needs_input_grad(1)) {
      // Outside, the level is the end itself.
      const at::Tensor slope =
          nearest_level(ratio.clamp(low, 1), saved[2], saved[3]).sub_(ratio.masked_fill(outside, 0));
      to_alpha = group_sum(g * slope).to(at::kFloat).reshape(alpha.sizes());
    }
    return {to_x, to_alpha, {}, {}, {}, {}};
  }
};

at::Tensor initial(double alpha) {
  check_number("apot", "initial_alpha", alpha, smallest_trained_scale, std::numeric_limits<float>::max());
  return torch::tensor(alpha, torch::kFloat);
}

}  // namespace

std::vector<double> apot_magnitudes(int64_t magnitude_bits, int64_t base_bits) {
  check_integer("apot_magnitudes", "magnitude_bits", magnitude_bits, 1, 8);
  TORCH_CHECK_VALUE(base_bits == 2 || (base_bits >= 1 && magnitude_bits % base_bits == 0),
                    "apot_magnitudes: base_bits is ", base_bits, "; it takes 2 or a divisor of ",
                    magnitude_bits, ", the bits of the magnitude");
  std::vector<double> levels = {0.0};
  // One bit has no full set of two bits, and the same levels as one of one.
  for (const auto& set : exponent_sets(magnitude_bits, std::min(base_bits, magnitude_bits))) {
    const size_t count = levels.size();
    for (const int64_t exponent : set) {
      TORCH_CHECK_VALUE(exponent >= -24, "apot_magnitudes: base_bits is ", base_bits, ", which with ",
                        magnitude_bits, " bits has powers below 2^-24; it takes fewer");
      for (size_t i = 0; i < count; ++i) {
        levels.push_back(levels[i] + std::ldexp(1.0, static_cast<int>(exponent)));
      }
    }
  }
  std::sort(levels.begin(), levels.end());
  const double largest = levels.back();
  for (double& level : levels) level = static_cast<double>(static_cast<float>(level / largest));
  return levels;
}

ApotProjection::ApotProjection(ApotOptions options) : options_(options) {
  check_integer("apot", options_.is_signed ? "bits (signed)" : "bits", options_.bits,
                options_.is_signed ? 2 : 1, options_.is_signed ? 9 : 8);
  const std::vector<double> levels =
      apot_magnitudes(options_.bits - (options_.is_signed ? 1 : 0), options_.base_bits);
  magnitudes_ = torch::tensor(levels, torch::kDouble).to(torch::kFloat);
  boundaries_ = torch::tensor(boundaries_between(levels), torch::kFloat);
}

at::Tensor ApotProjection::operator()(const at::Tensor& x, const at::Tensor& alpha) const {
  check_operand("apot", "x", x);
  TORCH_CHECK_VALUE(alpha.scalar_type() == at::kFloat && alpha.numel() == 1, "apot: alpha is ",
                    alpha.scalar_type(), " of shape ", alpha.sizes(), "; it takes one float32");
  return ApotFunction::apply(x.to(at::kFloat), alpha, magnitudes_.to(x.device()), boundaries_.to(x.device()),
                             options_.is_signed, options_.clipped_gradient == ApotClippedGradient::pass)
      .to(x.scalar_type());
}

at::Tensor apot_normalize(const at::Tensor& w, ApotStatistics statistics) {
  check_operand("apot_normalize", "w", w);
  const at::Tensor x = w.to(at::kFloat);
  if (x.numel() == 0) return x.clone();
  const at::Tensor source = statistics == ApotStatistics::detached ? x.detach() : x;
  const at::Tensor centered = x - source.mean();
  if (x.numel() == 1) return centered;
  const at::Tensor deviation = source.std(/*unbiased=*/true);
  return centered / at::where(deviation == 0, at::ones_like(deviation), deviation);
}

ApotWeightImpl::ApotWeightImpl(ApotOptions options, ApotStatistics statistics, double initial_alpha)
    : projection_(options), statistics_(statistics) {
  TORCH_CHECK_VALUE(options.is_signed, "apot: is_signed is false; weights take a sign");
  alpha = register_parameter("alpha", initial(initial_alpha));
}

at::Tensor ApotWeightImpl::forward(const at::Tensor& w) const {
  return projection_(apot_normalize(w, statistics_), alpha).to(w.scalar_type());
}

ApotActivationImpl::ApotActivationImpl(ApotOptions options, double initial_alpha) : projection_(options) {
  alpha = register_parameter("alpha", initial(initial_alpha));
}

at::Tensor ApotActivationImpl::forward(const at::Tensor& x) const {
  return projection_(x, alpha);
}

}  // namespace kones::quantizers
