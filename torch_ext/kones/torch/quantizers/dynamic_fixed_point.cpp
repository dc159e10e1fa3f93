#include "kones/torch/quantizers/dynamic_fixed_point.h"

#include <algorithm>
#include <cmath>

#include <torch/torch.h>

#include "kones/numeric/fixed_point.h"
#include "kones/torch/ops/fixed_point.h"
#include "kones/torch/quantizers/arguments.h"

namespace kones::quantizers {
namespace {

constexpr const char* quantizer = "dynamic_fixed_point";

/// Places in `counts`.
enum Count : int64_t { steps, elements, overflows, half_range_overflows, count_number };

}  // namespace

DynamicFixedPointImpl::DynamicFixedPointImpl(DynamicFixedPointOptions options) : options_(options) {
  check_integer(quantizer, "bits", options_.bits, options_.is_signed ? 2 : 1, fixed_point_max_bits);
  check_integer(quantizer, "integer_bits", options_.integer_bits, options_.bits - fixed_point_max_exponent,
                fixed_point_max_exponent);
  check_number(quantizer, "max_overflow_rate", options_.max_overflow_rate, 0.0, 1.0);
  TORCH_CHECK_VALUE(options_.period >= 1, quantizer, ": period is ", options_.period, "; it takes 1 or more");
  integer_bits_state = register_buffer("integer_bits", torch::tensor(options_.integer_bits, torch::kLong));
  counts = register_buffer("counts", torch::zeros({count_number}, torch::kLong));
}

int64_t DynamicFixedPointImpl::integer_bits() const {
  const auto version = static_cast<int64_t>(integer_bits_state._version());
  if (version != cached_version_) {
    cached_bits_ = integer_bits_state.item<int64_t>();
    cached_version_ = version;
  }
  return cached_bits_;
}

double DynamicFixedPointImpl::top() const {
  const int64_t magnitude_bits = options_.bits - (options_.is_signed ? 1 : 0);
  const auto level = static_cast<double>((int64_t{1} << magnitude_bits) - 1);
  return std::ldexp(level, static_cast<int>(-fraction_bits()));
}

void DynamicFixedPointImpl::observe(const at::Tensor& x) {
  check_operand(quantizer, "x", x);
  torch::NoGradGuard no_gradient;
  const at::Tensor measured =
      options_.is_signed ? x.detach().to(at::kFloat).abs() : x.detach().to(at::kFloat);
  const double limit = top();
  counts.select(0, elements).add_(x.numel());
  counts.select(0, overflows).add_((measured >= limit).sum());
  counts.select(0, half_range_overflows).add_((measured >= limit / 2).sum());
}

double DynamicFixedPointImpl::overflow_rate() const {
  const at::Tensor now = counts.cpu();
  const auto total = now[elements].item<int64_t>();
  return total == 0 ? 0.0 : now[overflows].item<double>() / static_cast<double>(total);
}

double DynamicFixedPointImpl::half_range_overflow_rate() const {
  const at::Tensor now = counts.cpu();
  const auto total = now[elements].item<int64_t>();
  return total == 0 ? 0.0 : now[half_range_overflows].item<double>() / static_cast<double>(total);
}

int64_t DynamicFixedPointImpl::step() {
  torch::NoGradGuard no_gradient;
  counts.select(0, steps).add_(1);
  const at::Tensor now = counts.cpu();
  if (now[steps].item<int64_t>() < options_.period) return 0;
  int64_t move = 0;
  if (now[elements].item<int64_t>() > 0) {
    if (overflow_rate() > options_.max_overflow_rate) {
      move = 1;
    } else if (!(half_range_overflow_rate() > options_.max_overflow_rate)) {
      move = -1;
    }
  }
  const int64_t before = integer_bits();
  const int64_t after =
      std::clamp<int64_t>(before + move, options_.bits - fixed_point_max_exponent, fixed_point_max_exponent);
  integer_bits_state.fill_(after);
  counts.zero_();
  return after - before;
}

at::Tensor DynamicFixedPointImpl::forward(const at::Tensor& x, Rounding rounding, RandomStream stream) {
  check_operand(quantizer, "x", x);
  if (is_training()) observe(x);
  const at::Tensor ranged = options_.is_signed && options_.is_symmetric ? x.clamp_min(-top()) : x;
  return fixed_point(ranged, integer_bits(), fraction_bits(), options_.is_signed, rounding_name(rounding),
                     static_cast<int64_t>(stream.seed), static_cast<int64_t>(stream.offset));
}

}  // namespace kones::quantizers
