#include "kones/torch/quantizers/sqnr.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ATen.h>

#include "kones/numeric/fixed_point.h"
#include "kones/torch/ops/fixed_point.h"
#include "kones/torch/quantizers/arguments.h"
#include "kones/torch/quantizers/scale.h"

namespace kones::quantizers {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double half_sqrt2 = std::sqrt(0.5);
const double sqrt3 = std::sqrt(3.0);

/// Integrals of p, x p and x^2 p over an interval.
struct Moments {
  double zeroth, first, second;
};

/// From a to infinity, a >= 0, of a density of variance 1.
Moments upper_moments(SqnrDensity density, double a) {
  if (a == infinity) return {0.0, 0.0, 0.0};
  switch (density) {
    case SqnrDensity::gaussian: {
      const double p = std::exp(-0.5 * a * a) / std::sqrt(2.0 * 3.14159265358979323846);
      const double tail = 0.5 * std::erfc(a * half_sqrt2);
      return {tail, p, a * p + tail};
    }
    case SqnrDensity::laplacian: {
      const double b = half_sqrt2;
      const double tail = 0.5 * std::exp(-a / b);
      return {tail, tail * (a + b), tail * (a * a + 2.0 * a * b + 2.0 * b * b)};
    }
    case SqnrDensity::uniform: {
      const double from = std::min(a, sqrt3);
      const double p = 0.5 / sqrt3;
      return {p * (sqrt3 - from), 0.5 * p * (3.0 - from * from),
              p * (sqrt3 * 3.0 - from * from * from) / 3.0};
    }
  }
  TORCH_CHECK_VALUE(false, "sqnr: density is ", static_cast<int>(density),
                    "; it takes gaussian, laplacian or uniform");
}

/// The error over x >= 0 of levels first, first + 1, ..., first + count - 1 steps, and half its derivative by
/// the step. Cells end halfway between levels, so that the moving ends add nothing to the derivative.
struct Side {
  double error = 0.0, half_slope = 0.0;
};

Side one_side(SqnrDensity density, double step, double first, int64_t count) {
  Side side;
  Moments from = upper_moments(density, 0.0);
  for (int64_t i = 0; i < count; ++i) {
    const double level = first + static_cast<double>(i);
    const Moments to = upper_moments(density, i + 1 < count ? (level + 0.5) * step : infinity);
    const double zeroth = from.zeroth - to.zeroth, one = from.first - to.first;
    const double y = level * step;
    side.error += (from.second - to.second) - 2.0 * y * one + y * y * zeroth;
    side.half_slope -= level * (one - y * zeroth);
    from = to;
  }
  return side;
}

Side both_sides(SqnrDensity density, int64_t bits, double step, SqnrGrid grid) {
  const int64_t half = int64_t{1} << (bits - 1);
  // Each side has the levels of its sign; mid_tread's cell of 0 is halved between them.
  const Side positive =
      grid == SqnrGrid::mid_rise ? one_side(density, step, 0.5, half) : one_side(density, step, 0.0, half);
  const Side negative = grid == SqnrGrid::mid_rise ? positive : one_side(density, step, 0.0, half + 1);
  return {positive.error + negative.error, positive.half_slope + negative.half_slope};
}

void check_bits(int64_t bits) {
  check_integer("sqnr", "bits", bits, 1, 12);
}

void check_sigma(double sigma) {
  TORCH_CHECK_VALUE(sigma > 0.0 && sigma < infinity, "sqnr: sigma is ", sigma,
                    "; it takes a positive finite number");
}

FixedPointFormat checked_format(int64_t bits, int64_t fraction_bits, bool is_signed) {
  const int64_t integer_bits = bits - fraction_bits;
  TORCH_CHECK_VALUE(std::abs(integer_bits) <= fixed_point_max_exponent &&
                        std::abs(fraction_bits) <= fixed_point_max_exponent,
                    "sqnr: the values want ", integer_bits, " integer bits and ", fraction_bits,
                    " fraction bits; fixed point takes -126 to 126 of each");
  return {integer_bits, fraction_bits, is_signed};
}

}  // namespace

double sqnr_error(SqnrDensity density, int64_t bits, double step, SqnrGrid grid) {
  check_bits(bits);
  TORCH_CHECK_VALUE(step > 0.0 && step < infinity, "sqnr: step is ", step,
                    "; it takes a positive finite number");
  return both_sides(density, bits, step, grid).error;
}

SqnrStep sqnr_optimal_step(SqnrDensity density, int64_t bits, SqnrGrid grid) {
  check_bits(bits);
  // The slope is negative left of the one minimum; no step above 4 standard deviations is of use.
  double low = std::ldexp(1.0, -20), high = 4.0;
  while (high - low > 1e-12 * high) {
    const double middle = 0.5 * (low + high);
    (both_sides(density, bits, middle, grid).half_slope < 0.0 ? low : high) = middle;
  }
  const double step = 0.5 * (low + high);
  return {step, -10.0 * std::log10(both_sides(density, bits, step, grid).error)};
}

FixedPointFormat sqnr_format(SqnrDensity density, int64_t bits, double sigma, SqnrGrid grid) {
  check_sigma(sigma);
  const double step = sigma * sqnr_optimal_step(density, bits, grid).step;
  // ceil(log2 step), from the exponent: step = m 2^exponent, m in [1/2, 1).
  int exponent = 0;
  const double m = std::frexp(step, &exponent);
  return checked_format(bits, m == 0.5 ? 1 - exponent : -exponent, true);
}

FixedPointFormat sqnr_best_format(SqnrDensity density, int64_t bits, double sigma) {
  // The error falls and rises once: the powers of two on both sides of the optimum are the candidates.
  const FixedPointFormat coarse = sqnr_format(density, bits, sigma);
  const double step = std::ldexp(1.0, static_cast<int>(-coarse.fraction_bits)) / sigma;
  const bool finer = sqnr_error(density, bits, step / 2.0) < sqnr_error(density, bits, step);
  return checked_format(bits, coarse.fraction_bits + (finer ? 1 : 0), true);
}

FixedPointFormat sqnr_best_format(const at::Tensor& x, int64_t bits, bool is_signed) {
  check_operand("sqnr", "x", x);
  check_integer("sqnr", "bits", bits, 1, fixed_point_max_bits);
  const double largest = max_abs(x).item<double>();
  TORCH_CHECK_VALUE(largest > 0.0 && largest < infinity, "sqnr: the largest |x| is ", largest,
                    "; it takes values that are finite and not all zero");
  const at::Tensor values = x.detach().to(at::kFloat);
  int exponent = 0;
  std::frexp(largest, &exponent);
  // With this many integer bits nothing overflows; more would only coarsen the steps.
  const int64_t most = std::clamp<int64_t>(exponent + (is_signed ? 1 : 0), bits - fixed_point_max_exponent,
                                           fixed_point_max_exponent);
  const int64_t least = std::max<int64_t>(most - bits - 1, bits - fixed_point_max_exponent);
  FixedPointFormat best{most, bits - most, is_signed};
  double smallest_error = infinity;
  for (int64_t integer_bits = most; integer_bits >= least; --integer_bits) {
    const at::Tensor error =
        fixed_point(values, integer_bits, bits - integer_bits, is_signed).sub_(values).to(at::kDouble);
    const double sum = error.square_().sum().item<double>();
    if (sum >= smallest_error) continue;
    smallest_error = sum;
    best = {integer_bits, bits - integer_bits, is_signed};
  }
  return best;
}

}  // namespace kones::quantizers
