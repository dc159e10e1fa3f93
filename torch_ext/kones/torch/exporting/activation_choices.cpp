#include "kones/torch/exporting/activation_choices.h"

#include <algorithm>
#include <cmath>

#include <torch/torch.h>

#include "kones/error.h"

namespace kones {
namespace {

/// The radix point: the most fraction bits with which the largest value of training still fits.
int radix_by_range(double largest, double largest_integer) {
  if (largest <= 0.0) largest = 1.0;
  int bits = 126;
  while (bits > -126 && largest * std::pow(2.0, bits) > largest_integer) --bits;
  return bits;
}

/// The squared error of unsigned integers of `bits` bits on a histogram of activations, relative to the least
/// of all radix points: 1 for the best. Each bin is as good as uniform.
double relative_error(const at::Tensor& histogram, int bits, int fraction_bits) {
  const at::Tensor edges =
      (torch::arange(8161, torch::kInt32) * (1 << 18)).view(torch::kFloat32).to(torch::kFloat64);
  const at::Tensor low = edges.slice(0, 1, 8160);
  at::Tensor high = edges.slice(0, 2, 8161).clone();
  high[-1] = std::pow(2.0, 128);
  const at::Tensor counts = histogram.slice(0, 1, 8160).to(torch::kFloat64);
  const auto error_of = [&](int radix) {
    const double step = std::pow(2.0, -radix);
    const auto integral = [&](const at::Tensor& x) {
      const at::Tensor multiple = (x / step + 0.5).floor().clamp_max(std::pow(2.0, bits) - 1);
      return multiple * std::pow(step, 3) / 12 + (x - multiple * step).pow(3) / 3;
    };
    return (counts * (integral(high) - integral(low)) / (high - low)).sum().item<double>();
  };
  double least = error_of(fraction_bits);
  const double own = least;
  for (int radix = -126; radix <= 126; ++radix) least = std::min(least, error_of(radix));
  return least == own ? 1.0 : own / least;
}

void check_equal(const ActivationChoice& chosen, const ActivationChoice& own, const std::string& name,
                 const std::string& why) {
  if (chosen.bits == own.bits && chosen.fraction_bits == own.fraction_bits) return;
  throw Error("the package's " + name + " has " + std::to_string(chosen.bits) + " bits with " +
              std::to_string(chosen.fraction_bits) + " fraction bits; " + why + " " +
              std::to_string(own.bits) + " with " + std::to_string(own.fraction_bits));
}

void check_radix_point(const TrainedNetwork& trained, size_t block, const ActivationChoice& chosen,
                       const std::string& name) {
  if (chosen.bits < 4 || chosen.bits > 16) {
    throw Error("the package's " + name + " has " + std::to_string(chosen.bits) + " bits; it takes 4 to 16");
  }
  const int by_range = radix_by_range(trained.largest[block], chosen.high(false));
  if (chosen.fraction_bits == by_range) return;
  const bool by_error =
      trained.histograms.defined() && relative_error(trained.histograms[static_cast<int64_t>(block)],
                                                     chosen.bits, chosen.fraction_bits) < 1.0 + 1e-6;
  if (by_error) return;
  throw Error("the package's " + name + " has " + std::to_string(chosen.fraction_bits) +
              " fraction bits, which neither the range of training's activations (" +
              std::to_string(by_range) + ") nor their squared error gives");
}

}  // namespace

double ActivationChoice::low(bool is_signed) const {
  return is_signed ? -std::pow(2.0, bits - 1) : 0.0;
}

double ActivationChoice::high(bool is_signed) const {
  return std::pow(2.0, is_signed ? bits - 1 : bits) - 1;
}

std::vector<ActivationChoice> checked_formats(const TrainedNetwork& trained,
                                              const ActivationChoices& choices) {
  std::vector<ActivationChoice> formats;
  const std::vector<Block>& blocks = trained.network->blocks();
  for (size_t i = 0; i < blocks.size(); ++i) {
    nn::Activation activation = blocks[i].activation;
    const std::string name = blocks[i].name + ".output";
    const bool is_output = i + 1 == blocks.size();
    ActivationChoice own = {is_output ? 16 : 8, 0};
    own.fraction_bits = radix_by_range(trained.largest[i], own.high(is_output));
    const bool is_trained = !activation.is_empty() && activation->bits() > 0;
    if (is_trained) own = {activation->bits(), activation->fraction_bits()};
    const auto found = choices.find(name);
    const ActivationChoice chosen = found == choices.end() ? own : found->second;
    if (is_trained) {
      check_equal(chosen, own, name, "training gave");
    } else if (is_output) {
      check_equal(chosen, own, name, "the range asks for");
    } else if (found != choices.end()) {
      check_radix_point(trained, i, chosen, name);
    }
    formats.push_back(chosen);
  }
  return formats;
}

}  // namespace kones
