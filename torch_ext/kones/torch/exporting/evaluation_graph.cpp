#include "kones/torch/exporting/evaluation_graph.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

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
  nn::QuantizedWeight weight = block.weight();
  const double grid = std::pow(2.0, -format->fraction_bits());
  const double scale = weight->quantizer().scale(weight->latent);
  const at::Tensor levels = weight->forward().to(torch::kFloat64) / scale / grid;
  TORCH_CHECK(levels.equal(levels.round()), block.name, " has weights off the grid of ", format->name());
  return {levels, grid * scale};
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

/// Averages, as whole multiples of the least common multiple of the windows' pixel counts.
Integers averaged(const Block& block, const Integers& x) {
  const Pooling& pooling = block.shape.pooling;
  const auto average = [&pooling](const at::Tensor& t, std::optional<int64_t> divisor) {
    return at::avg_pool2d(t, pooling.kernel, pooling.stride, pooling.padding, pooling.ceil_mode,
                          /*count_include_pad=*/false, divisor);
  };
  const at::Tensor counts =
      average(torch::ones({1, 1, x.values.size(2), x.values.size(3)}, torch::kFloat64), /*divisor=*/1);
  int64_t multiple = 1;
  for (int64_t i = 0; i < counts.numel(); ++i) {
    multiple = std::lcm(multiple, static_cast<int64_t>(counts.const_data_ptr<double>()[i]));
  }
  const double bound = x.bound * static_cast<double>(multiple);
  // The sum of a window, and then the quotient, are whole numbers below this.
  TORCH_CHECK(bound * counts.max().item<double>() < 9007199254740992.0, block.name,
              ": averages beyond 2^53 are not exact in float64");
  const at::Tensor scaled = (x.values * multiple).to(torch::kFloat64);
  return {average(scaled, std::nullopt).to(torch::kInt64), bound, x.unit / static_cast<double>(multiple)};
}

Integers pooled(const Block& block, const Integers& x) {
  const Pooling& pooling = block.shape.pooling;
  if (pooling.kind == Pooling::Kind::average) return averaged(block, x);
  const at::Tensor values = torch::max_pool2d(x.values.to(torch::kFloat64), pooling.kernel, pooling.stride,
                                              pooling.padding, 1, pooling.ceil_mode);
  return {values.to(torch::kInt64), x.bound, x.unit};
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

/// The nearest whole numbers, halves away from zero.
at::Tensor nearest(const at::Tensor& t) {
  return t.trunc() + t.sign() * ((t - t.trunc()).abs() >= 0.5);
}

/// (sum of terms + addend) >> shift, clamped, with constants a channel: the addend is `intercept` in units of
/// 2^-shift, and half of a unit of the result where it rounds half up.
struct Term {
  at::Tensor values;      // int64
  at::Tensor multiplier;  // float64 [channels], whole numbers
};
at::Tensor scaled_sum(const std::vector<Term>& terms, const at::Tensor& intercept, const at::Tensor& shift,
                      bool half_up) {
  const at::Tensor factor = exact_powers_of_two(shift);
  const at::Tensor half = torch::where(shift > 0, factor / 2, torch::zeros_like(factor));
  at::Tensor addend = (intercept * factor + 0.5).floor();
  if (half_up) addend = addend + half;
  const at::Tensor& like = terms[0].values;
  at::Tensor sum = per_channel(addend.to(torch::kInt64), like).expand_as(like);
  for (const Term& term : terms)
    sum = sum + term.values * per_channel(term.multiplier.to(torch::kInt64), like);
  return sum.bitwise_right_shift(per_channel(shift.to(torch::kInt64), like));
}

/// The largest shift up to 47 with which `fits(slopes * 2^shift)` holds for a channel.
template <typename Fits>
at::Tensor largest_shift(const at::Tensor& like, const Fits& fits) {
  at::Tensor shift = torch::full_like(like, 47.0);
  for (int step = 0; step < 128; ++step) {
    const at::Tensor too_large = fits(exact_powers_of_two(shift)).logical_not();
    if (!too_large.any().item<bool>()) break;
    shift = torch::where(too_large, shift - 1, shift);
  }
  return shift;
}

Integers clamped(const at::Tensor& values, const ActivationChoice& format, bool is_signed) {
  const double low = format.low(is_signed);
  const double high = format.high(is_signed);
  return {values.clamp(static_cast<int64_t>(low), static_cast<int64_t>(high)), std::max(-low, high),
          std::pow(2.0, -format.fraction_bits)};
}

Integers requantized(const Block& block, const Integers& x, const ActivationChoice& format, bool is_signed) {
  const auto [slope, intercept] = folded_norm(block, x.unit);
  const double radix = std::pow(2.0, format.fraction_bits);
  const at::Tensor scaled = slope * radix;
  at::Tensor shift = largest_shift(
      scaled, [&](const at::Tensor& factor) { return nearest(scaled * factor).abs() < 32768.0; });
  shift = torch::where(scaled == 0, torch::ones_like(shift), shift);
  const at::Tensor multiplier = nearest(scaled * exact_powers_of_two(shift));
  return clamped(scaled_sum({{x.values, multiplier}}, intercept * radix, shift, true), format, is_signed);
}

/// What the integers of a tensor stand for: slope * integer + intercept, float64 [channels].
struct Meaning {
  at::Tensor values;
  at::Tensor slope;
  at::Tensor intercept;
};

/// a + b in fixed point; the smaller multiplier has `bits` bits besides its sign.
at::Tensor added(const Meaning& a, const Meaning& b, int fraction_bits, int bits, bool half_up) {
  const double radix = std::pow(2.0, fraction_bits);
  const at::Tensor first = a.slope * radix;
  const at::Tensor second = b.slope * radix;
  const at::Tensor intercept = (a.intercept + b.intercept) * radix;
  at::Tensor shift = largest_shift(first, [&](const at::Tensor& factor) {
    const at::Tensor one = nearest(first * factor).abs();
    const at::Tensor other = nearest(second * factor).abs();
    const at::Tensor larger = at::maximum(one, other);
    // A map without a slope takes no multiplier.
    const at::Tensor smaller =
        torch::where(first == 0, other, torch::where(second == 0, one, at::minimum(one, other)));
    const at::Tensor addend = (intercept * factor + 0.5).floor() + (half_up ? factor / 2 : factor * 0);
    return (larger < std::pow(2.0, 30))
        .logical_and(smaller < std::pow(2.0, bits))
        .logical_and(addend.abs() <= std::pow(2.0, 62));
  });
  shift = torch::where((first == 0).logical_and(second == 0), torch::ones_like(shift), shift);
  const at::Tensor factor = exact_powers_of_two(shift);
  return scaled_sum({{a.values, nearest(first * factor)}, {b.values, nearest(second * factor)}}, intercept,
                    shift, half_up);
}

}  // namespace

EvaluationGraph::EvaluationGraph(TrainedNetwork trained, const ActivationChoices& choices)
    : trained_(std::move(trained)), formats_(checked_formats(trained_, choices)) {
  trained_.network->eval();
}

std::map<std::string, at::Tensor> EvaluationGraph::integers(const at::Tensor& pictures) const {
  const torch::NoGradGuard no_gradient;
  const DirectConvolutions direct;
  std::map<std::string, at::Tensor> result;
  Integers x{pictures.to(torch::kInt64) * 2 - 255, 255.0, 1.0 / 255.0};
  result["input"] = x.values;
  const std::vector<Block>& blocks = trained_.network->blocks();
  std::vector<Integers> outputs;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    const LayerShape& shape = block.shape;
    x = weighted_sums(block, shape.input ? outputs[*shape.input] : x);
    result[block.name + ".accumulator"] = x.values;
    if (shape.pooling.kind != Pooling::Kind::none) {
      x = pooled(block, x);
      result[block.name + ".pooled"] = x.values;
    }
    const bool is_sign = !block.activation.is_empty() && block.activation->kind() == nn::ActivationKind::sign;
    const bool is_output = i + 1 == blocks.size();
    if (shape.residual) {
      const auto [slope, intercept] = folded_norm(block, x.unit);
      const Block& source = blocks[*shape.residual];
      const Integers& residual = outputs[*shape.residual];
      Meaning other = {residual.values, torch::full_like(slope, residual.unit), torch::zeros_like(slope)};
      if (source.activation.is_empty())
        std::tie(other.slope, other.intercept) = folded_norm(source, residual.unit);
      const Meaning own = {x.values, slope, intercept};
      if (is_sign) {
        const Integers sum = clamped(added(own, other, 16, 30, false), {32, 16}, true);
        result[block.name + ".sum"] = sum.values;
        x = {torch::where(sum.values >= 0, 1, -1).to(torch::kInt64), 1.0, 1.0};
      } else {
        x = clamped(added(own, other, formats_[i].fraction_bits, 15, true), formats_[i], is_output);
      }
    } else if (is_sign) {
      x = signs(block, x);
    } else if (is_output || !block.activation.is_empty()) {
      x = requantized(block, x, formats_[i], is_output);
    } else {
      outputs.push_back(x);  // its batch norm belongs to the sum that takes it
      continue;
    }
    outputs.push_back(x);
    result[block.name + ".output"] = x.values;
  }
  return result;
}

}  // namespace kones
