#include "kones/torch/nn/diagnostics.h"

#include <algorithm>
#include <cmath>

#include <torch/torch.h>

namespace kones::nn {
namespace {

/// Elements that are looked at together, so that temporaries stay in the caches.
constexpr int64_t part_size = 1 << 18;

void check_tensor(const char* function, const char* argument, const at::Tensor& x) {
  TORCH_CHECK_VALUE(x.defined(), function, ": ", argument, " is an undefined tensor");
  const at::ScalarType type = x.scalar_type();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kHalf || type == at::kBFloat16, function, ": ", argument,
                   " is ", type, "; it takes float32, float16 or bfloat16");
}

void check_format(const char* function, const NumberFormat& format) {
  TORCH_CHECK_VALUE(format.has_codes(), function, ": format is ",
                    format.is_valid() ? format.name() : "not valid", "; it takes a format that has codes");
}

/// visit(part) for the elements of x in row-major order, as float32.
template <typename Visit>
void for_each_part(const at::Tensor& x, const Visit& visit) {
  const at::Tensor flat = x.detach().reshape(-1);
  for (int64_t first = 0; first < flat.numel(); first += part_size) {
    visit(flat.narrow(0, first, std::min(part_size, flat.numel() - first)).to(at::kFloat));
  }
}

double share_of(int64_t count, int64_t all) {
  return all == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(all);
}

/// The share outside [low, high]. Counted from the inside, where NaN is not.
double share_outside(const at::Tensor& x, double low, double high) {
  at::Tensor inside = at::zeros({}, x.options().dtype(at::kLong));
  for_each_part(x, [&](const at::Tensor& part) {
    inside += at::count_nonzero(at::ge(part, low).logical_and_(at::le(part, high)));
  });
  return share_of(x.numel() - inside.item<int64_t>(), x.numel());
}

double value_of(int32_t level, const NumberFormat& format) {
  return std::ldexp(static_cast<double>(level), -format.fraction_bits());
}

}  // namespace

int64_t LevelHistogram::unused_levels() const {
  return std::count(counts.begin(), counts.end(), 0);
}

LevelHistogram level_histogram(const at::Tensor& quantized, const NumberFormat& format) {
  check_tensor("level_histogram", "quantized", quantized);
  check_format("level_histogram", format);
  torch::NoGradGuard no_gradient;
  LevelHistogram histogram;
  for (const int32_t level : format.levels()) histogram.levels.push_back(value_of(level, format));
  const auto count = static_cast<int64_t>(histogram.levels.size());
  const at::Tensor levels =
      at::tensor(histogram.levels, at::kDouble).to(quantized.device(), at::kFloat);  // exact in float32
  at::Tensor totals = at::zeros({count + 1}, quantized.options().dtype(at::kLong));
  for_each_part(quantized, [&](const at::Tensor& part) {
    // The first level that is not less; where it is another value, or there is none, the place of others.
    const at::Tensor place = at::bucketize(part, levels, /*out_int32=*/true);
    const at::Tensor found = levels.index_select(0, place.clamp_max(count - 1));
    totals += at::bincount(at::where(found == part, place, count), {}, count + 1);
  });
  totals = totals.cpu();
  const int64_t* total = totals.const_data_ptr<int64_t>();
  histogram.counts.assign(total, total + count);
  histogram.others = total[count];
  return histogram;
}

double sign_flip_rate(const at::Tensor& before, const at::Tensor& after) {
  TORCH_CHECK_VALUE(before.defined() && after.defined(),
                    "sign_flip_rate: ", before.defined() ? "after" : "before", " is an undefined tensor");
  for (const at::Tensor& x : {before, after}) {
    TORCH_CHECK_TYPE(!x.is_complex() && x.scalar_type() != at::kBool,
                     "sign_flip_rate: ", x.is_same(before) ? "before" : "after", " is ", x.scalar_type(),
                     "; it takes numbers with a sign");
  }
  TORCH_CHECK_VALUE(before.sizes() == after.sizes() && before.device() == after.device(),
                    "sign_flip_rate: after is ", after.sizes(), " on ", after.device(),
                    "; it takes the shape and device of before, ", before.sizes(), " on ", before.device());
  torch::NoGradGuard no_gradient;
  const at::Tensor old = before.detach().reshape(-1);
  const at::Tensor now = after.detach().reshape(-1);
  at::Tensor flips = at::zeros({}, old.options().dtype(at::kLong));
  for (int64_t first = 0; first < old.numel(); first += part_size) {
    const int64_t size = std::min(part_size, old.numel() - first);
    const auto signs = [&](const at::Tensor& x) { return at::sign(x.narrow(0, first, size)).to(at::kChar); };
    flips += at::count_nonzero(signs(old) != signs(now));
  }
  return share_of(flips.item<int64_t>(), old.numel());
}

at::Tensor quantized_signs(const at::Tensor& latent, const WeightQuantizer& quantizer) {
  check_tensor("quantized_signs", "latent", latent);
  torch::NoGradGuard no_gradient;
  if (!quantizer.is_elementwise())
    return at::sign(quantizer.quantize(latent, Rounding::nearest, {})).to(at::kChar);
  const at::Tensor signs =
      at::empty({latent.numel()}, latent.options().dtype(at::kChar).requires_grad(false));
  int64_t first = 0;
  for_each_part(latent, [&](const at::Tensor& part) {
    signs.narrow(0, first, part.numel()).copy_(at::sign(quantizer.quantize(part, Rounding::nearest, {})));
    first += part.numel();
  });
  return signs.view(latent.sizes());
}

double clipped_weight_share(const at::Tensor& latent, const NumberFormat& format) {
  check_tensor("clipped_weight_share", "latent", latent);
  check_format("clipped_weight_share", format);
  torch::NoGradGuard no_gradient;
  return share_outside(latent, value_of(format.min_level(), format), value_of(format.max_level(), format));
}

double clipped_gradient_share(const at::Tensor& operand, double low, double high) {
  check_tensor("clipped_gradient_share", "operand", operand);
  TORCH_CHECK_VALUE(low <= high, "clipped_gradient_share: low is ", low, "; it takes at most high, ", high);
  torch::NoGradGuard no_gradient;
  return share_outside(operand, low, high);
}

}  // namespace kones::nn
