#include "kones/torch/nn/weight_quantizer.h"

#include <cmath>
#include <limits>

#include "kones/torch/ops/binarize.h"
#include "kones/torch/ops/fixed_point.h"
#include "kones/torch/ops/k_ones.h"
#include "kones/torch/ops/power_of_two.h"
#include "kones/torch/ops/straight_through.h"
#include "kones/torch/quantizers/twn.h"

namespace kones::nn {

at::Tensor WeightQuantizer::quantize(const at::Tensor& latent, Rounding rounding, RandomStream stream) const {
  if (!format) return latent;
  const auto seed = static_cast<int64_t>(stream.seed);
  const auto offset = static_cast<int64_t>(stream.offset);
  switch (format->family) {
    case FormatFamily::k_ones:
      return k_ones(latent, format->terms, format->max_shift, rounding_name(rounding), seed, offset);
    case FormatFamily::binary:
      return binarize(latent, rounding_name(rounding), seed, offset);
    case FormatFamily::power_of_two:
      return power_of_two(latent, format->min_exponent, format->max_exponent, format->zero,
                          rounding_name(rounding), seed, offset);
    case FormatFamily::fixed_point:
      return fixed_point(latent, format->integer_bits, -format->step_exponent, format->is_signed,
                         rounding_name(rounding), seed, offset);
    case FormatFamily::ternary:
      TORCH_CHECK_VALUE(rounding == Rounding::nearest, "ternary weights are rounded to nearest, not ",
                        rounding_name(rounding));
      return quantizers::twn(latent);
  }
  TORCH_CHECK(false, "no operator quantizes weights to ", format->name());
}

at::Tensor WeightQuantizer::with_gradient(const at::Tensor& latent, const at::Tensor& quantized) const {
  const auto result = [&quantized](const at::Tensor&) { return quantized; };
  if (format->family == FormatFamily::binary || format->family == FormatFamily::fixed_point) {
    const auto no_mask = [](const at::Tensor&) { return std::tuple<at::Tensor, at::Tensor>(); };
    return ops::RangedStraightThrough::apply(latent, ops::passed_range(*format), false, false, result,
                                             no_mask);
  }
  return ops::StraightThrough::apply(latent, result);
}

double WeightQuantizer::scale(const at::Tensor& latent) const {
  if (is_elementwise()) return 1.0;
  const double scale = quantizers::twn_scales(latent).scale.item<double>();
  return scale > 0.0 ? scale : 1.0;
}

at::Tensor WeightQuantizer::unscaled(const at::Tensor& latent) const {
  const at::NoGradGuard no_gradient;
  const at::Tensor weights = quantize(latent, Rounding::nearest, {});
  return is_elementwise() ? weights : quantizers::divide(weights, scale(latent));
}

LatentRange WeightQuantizer::range() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!format) return {-infinity, infinity};
  if (format->family == FormatFamily::power_of_two) {  // which may have levels too far apart for integers
    const double largest = std::ldexp(1.0, format->max_exponent);
    return {-largest, largest};
  }
  return {std::ldexp(format->min_level(), -format->fraction_bits()),
          std::ldexp(format->max_level(), -format->fraction_bits())};
}

std::string WeightQuantizer::name() const {
  return format ? format->name() : "float32";
}

}  // namespace kones::nn
