#include "kones/torch/exporting/evaluation_graph.h"

#include <cmath>

#include <torch/torch.h>

#include "kones/error.h"

namespace kones {
namespace {

/// Keeps LibTorch from computing convolutions by transforms, whose float32 sums of integers need not be
/// exact.
class DirectConvolutions {
 public:
  DirectConvolutions() { at::globalContext().setUserEnabledNNPACK(false); }
  ~DirectConvolutions() { at::globalContext().setUserEnabledNNPACK(enabled_before_); }
  DirectConvolutions(const DirectConvolutions&) = delete;
  DirectConvolutions& operator=(const DirectConvolutions&) = delete;

 private:
  const bool enabled_before_ = at::globalContext().userEnabledNNPACK();
};

/// A batch of integers, with what is known of them: |integer| <= bound, and the value that 1 stands for.
struct Integers {
  at::Tensor values;  // int64
  double bound;
  double unit;
};

/// [channels] as [1, channels, 1, 1] or [1, channels], to go with `like`.
at::Tensor per_channel(const at::Tensor& channels, const at::Tensor& like) {
  return like.dim() == 4 ? channels.view({1, -1, 1, 1}) : channels.view({1, -1});
}

/// 2^exponents for whole exponents of -128..127, exactly: LibTorch's exp2 may be off by a bit.
at::Tensor exact_powers_of_two(const at::Tensor& exponents) {
  std::vector<double> powers;
  for (int exponent = -128; exponent < 128; ++exponent) powers.push_back(std::pow(2.0, exponent));
  return torch::tensor(powers, torch::kFloat64).index_select(0, exponents.to(torch::kInt64) + 128);
}

struct IntegerWeights {
  at::Tensor levels;  // float64
  double unit;
};

IntegerWeights integer_weights(const Block& block) {
  const auto& format = block.weight()->quantizer().format;
  if (!format) throw Error(block.name + " has float32 weights: there is no integer network to compare with");
  const double unit = std::pow(2.0, -format->fraction_bits());
  const at::Tensor levels = block.weight()->forward().to(torch::kFloat64) / unit;
  TORCH_CHECK(levels.equal(levels.round()), block.name, " has weights off the grid of ", format->name());
  return {levels, unit};
}

Integers weighted_sums(const Block& block, const Integers& x) {
  const IntegerWeights weights = integer_weights(block);
  const double bound = weights.levels.abs().flatten(1).sum(1).max().item<double>() * x.bound;
  // Every partial sum is an integer below the bound, so it is exact where the type holds all integers up to
  // there.
  const at::ScalarType type = bound < 16777216.0 ? torch::kFloat32 : torch::kFloat64;
  TORCH_CHECK(bound < 9007199254740992.0, block.name, ": sums beyond 2^53 are not exact in float64");
  const at::Tensor input = x.values.to(type);
  const at::Tensor levels = weights.levels.to(type);
  at::Tensor sums;
  if (block.conv.is_empty()) {
    sums = torch::linear(input.flatten(1), levels);
  } else {
    const nn::QuantizedConv2dOptions& options = block.conv->options();
    sums =
        torch::conv2d(input, levels, {}, options.stride, options.padding, options.dilation, options.groups);
  }
  return {sums.to(torch::kInt64), bound, x.unit * weights.unit};
}

Integers pooled(const Block& block, const Integers& x) {
  return {torch::max_pool2d(x.values.to(torch::kFloat64), block.shape.max_pool).to(torch::kInt64), x.bound,
          x.unit};
}

/// Batch norm as slope and intercept on the integers, float64 [channels].
std::pair<at::Tensor, at::Tensor> folded_norm(const Block& block, double unit) {
  const at::Tensor deviation =
      (block.norm_variance().to(torch::kFloat64) + block.norm_options().eps()).sqrt();
  const at::Tensor scale = block.norm_weight().to(torch::kFloat64) / deviation;
  return {scale * unit,
          block.norm_bias().to(torch::kFloat64) - block.norm_mean().to(torch::kFloat64) * scale};
}

Integers signs(const Block& block, const Integers& x) {
  const auto [slope, intercept] = folded_norm(block, x.unit);
  const at::Tensor crossing = -intercept / slope;
  const at::Tensor value = x.values.to(torch::kFloat64);
  const at::Tensor above = value >= per_channel(crossing, value);
  const at::Tensor below = value <= per_channel(crossing, value);
  const at::Tensor constant = per_channel(intercept >= 0, value);
  const at::Tensor positive = torch::where(per_channel(slope > 0, value), above,
                                           torch::where(per_channel(slope < 0, value), below, constant));
  return {torch::where(positive, 1, -1).to(torch::kInt64), 1.0, 1.0};
}

/// The radix point: the most fraction bits with which the largest value of training still fits.
int radix_point(double largest, double largest_integer) {
  if (largest <= 0.0) largest = 1.0;
  int bits = 126;
  while (bits > -126 && largest * std::pow(2.0, bits) > largest_integer) --bits;
  return bits;
}

Integers requantized(const Block& block, const Integers& x, double largest, double low, double high) {
  const int fraction_bits = radix_point(largest, high);
  const auto [slope, intercept] = folded_norm(block, x.unit);
  const double radix = std::pow(2.0, fraction_bits);
  const at::Tensor scaled_slope = slope * radix;
  // The largest shift up to 47 with which the multiplier, rounded half away from zero, stays below 2^15.
  at::Tensor shift = torch::full_like(scaled_slope, 47.0);
  const auto rounded = [](const at::Tensor& t) {
    return t.trunc() + t.sign() * ((t - t.trunc()).abs() >= 0.5);
  };
  for (int step = 0; step < 128; ++step) {
    const at::Tensor too_large = rounded(scaled_slope * exact_powers_of_two(shift)).abs() >= 32768.0;
    if (!too_large.any().item<bool>()) break;
    shift = torch::where(too_large, shift - 1, shift);
  }
  shift = torch::where(scaled_slope == 0, torch::ones_like(shift), shift);
  const at::Tensor factor = exact_powers_of_two(shift);
  const at::Tensor multiplier = rounded(scaled_slope * factor).to(torch::kInt64);
  const at::Tensor half = torch::where(shift > 0, factor / 2, torch::zeros_like(factor));
  const at::Tensor addend = ((intercept * radix * factor + 0.5).floor() + half).to(torch::kInt64);
  const at::Tensor wide = x.values * per_channel(multiplier, x.values) + per_channel(addend, x.values);
  const at::Tensor shifted = wide.bitwise_right_shift(per_channel(shift.to(torch::kInt64), x.values));
  return {shifted.clamp(static_cast<int64_t>(low), static_cast<int64_t>(high)), std::max(-low, high),
          1.0 / radix};
}

}  // namespace

EvaluationGraph::EvaluationGraph(TrainedNetwork trained) : trained_(std::move(trained)) {
  trained_.network->eval();
}

std::map<std::string, at::Tensor> EvaluationGraph::integers(const at::Tensor& pictures) const {
  const torch::NoGradGuard no_gradient;
  const DirectConvolutions direct;
  std::map<std::string, at::Tensor> result;
  Integers x{pictures.to(torch::kInt64) * 2 - 255, 255.0, 1.0 / 255.0};
  result["input"] = x.values;
  const std::vector<Block>& blocks = trained_.network->blocks();
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    x = weighted_sums(block, x);
    result[block.name + ".accumulator"] = x.values;
    if (block.shape.max_pool > 1) {
      x = pooled(block, x);
      result[block.name + ".pooled"] = x.values;
    }
    if (block.activation.is_empty()) {
      x = requantized(block, x, trained_.largest[i], -32768.0, 32767.0);
    } else if (block.activation->kind() == nn::ActivationKind::sign) {
      x = signs(block, x);
    } else {
      x = requantized(block, x, trained_.largest[i], 0.0, 255.0);
    }
    result[block.name + ".output"] = x.values;
  }
  return result;
}

}  // namespace kones
