#include "kones/torch/exporting/fold_batch_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "kones/error.h"

namespace kones {
namespace {

constexpr int max_shift = 47;
constexpr int multiplier_bits = 15;
constexpr int addition_multiplier_bits = 30;
constexpr double largest_addend = 0x1p62;

void check_finite(double slope, double intercept, const std::string& where) {
  if (!std::isfinite(slope) || !std::isfinite(intercept)) {
    throw Error(where + " cannot be exported: its batch norm is not finite");
  }
}

}  // namespace

AffineMap fold_norm(const ChannelNorm& norm, double unit) {
  const double scale = norm.gamma / std::sqrt(norm.variance + norm.epsilon);
  return {scale * unit, norm.beta - norm.mean * scale};
}

void append_requantize(const AffineMap& map, int fraction_bits, const std::string& where,
                       package::Requantize& operation) {
  const double slope = std::ldexp(map.slope, fraction_bits);
  const double intercept = std::ldexp(map.intercept, fraction_bits);
  check_finite(slope, intercept, where);
  int exponent = 0;
  std::frexp(slope, &exponent);
  int shift = std::min(multiplier_bits - exponent, max_shift);
  if (slope == 0.0) shift = 1;
  double multiplier = shift >= 0 ? std::round(std::ldexp(slope, shift)) : 0.0;
  if (std::fabs(multiplier) == std::ldexp(1.0, multiplier_bits)) {
    --shift;
    multiplier = std::round(std::ldexp(slope, shift));
  }
  const double addend =
      std::floor(std::ldexp(intercept, shift) + 0.5) + (shift > 0 ? std::ldexp(1.0, shift - 1) : 0.0);
  if (shift < 0 || std::fabs(addend) > largest_addend) {
    throw Error(where + " cannot be exported: its batch norm scales by " + std::to_string(map.slope) +
                " and adds " + std::to_string(map.intercept) +
                ", out of the range of a 16-bit multiplier and a shift");
  }
  operation.multiplier.push_back(static_cast<int32_t>(multiplier));
  operation.addend.push_back(static_cast<int64_t>(addend));
  operation.shift.push_back(static_cast<uint8_t>(shift));
}

void append_threshold(const AffineMap& map, int accumulator_bits, const std::string& where,
                      package::Threshold& operation) {
  check_finite(map.slope, map.intercept, where);
  // Below every accumulator, and not below any: those of 64 bits have at most 53 and a sign.
  const double lowest = accumulator_bits == 64 ? -std::ldexp(1.0, 53) : std::numeric_limits<int32_t>::min();
  const double highest = -lowest - 1.0;
  const double never = -lowest;
  bool rising = map.slope >= 0.0;
  double threshold;
  if (map.slope == 0.0) {
    threshold = map.intercept >= 0.0 ? lowest : never;
  } else {
    const double crossing = -map.intercept / map.slope;
    threshold = std::max(rising ? std::ceil(crossing) : std::min(std::floor(crossing), highest), lowest);
  }
  if (threshold > highest) {
    // Falling from below every accumulator: no threshold of 32 bits that rises is above 2^31 - 1.
    rising = false;
    threshold = lowest;
  }
  operation.threshold.push_back(static_cast<int64_t>(threshold));
  operation.rising.push_back(rising ? 1 : 0);
}

void append_add(const AffineMap& first, const AffineMap& second, int fraction_bits,
                const AdditionPrecision& precision, const std::string& where, package::Add& operation) {
  const double slopes[] = {std::ldexp(first.slope, fraction_bits), std::ldexp(second.slope, fraction_bits)};
  const double intercept = std::ldexp(first.intercept + second.intercept, fraction_bits);
  check_finite(slopes[0] + slopes[1], intercept, where);
  const double largest_multiplier = std::ldexp(1.0, addition_multiplier_bits) - 1.0;
  const double largest_smaller = std::ldexp(1.0, precision.smaller_multiplier_bits) - 1.0;
  const bool both = slopes[0] != 0.0 && slopes[1] != 0.0;
  const bool is_constant = slopes[0] == 0.0 && slopes[1] == 0.0;
  int shift = is_constant ? 1 : max_shift;
  double multipliers[2] = {};
  double addend = 0.0;
  for (; shift >= 0; --shift) {
    for (int i = 0; i < 2; ++i) multipliers[i] = std::round(std::ldexp(slopes[i], shift));
    const double larger = std::max(std::fabs(multipliers[0]), std::fabs(multipliers[1]));
    const double smaller = both ? std::min(std::fabs(multipliers[0]), std::fabs(multipliers[1])) : larger;
    const double half = precision.rounds_half_up && shift > 0 ? std::ldexp(1.0, shift - 1) : 0.0;
    addend = std::floor(std::ldexp(intercept, shift) + 0.5) + half;
    if (larger <= largest_multiplier && smaller <= largest_smaller && std::fabs(addend) <= largest_addend)
      break;
  }
  if (shift < (is_constant ? 1 : 0)) {
    std::ostringstream text;
    text << where << " cannot be exported: it adds a residual times " << second.slope << " to sums times "
         << first.slope << " and " << first.intercept + second.intercept
         << ", out of the range of 31-bit multipliers and a shift";
    throw Error(text.str());
  }
  operation.first_multiplier.push_back(static_cast<int32_t>(multipliers[0]));
  operation.second_multiplier.push_back(static_cast<int32_t>(multipliers[1]));
  operation.addend.push_back(static_cast<int64_t>(addend));
  operation.shift.push_back(static_cast<uint8_t>(shift));
}

}  // namespace kones
