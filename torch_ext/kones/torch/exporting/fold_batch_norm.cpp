#include "kones/torch/exporting/fold_batch_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kones/error.h"

namespace kones {
namespace {

constexpr int max_shift = 47;
constexpr int multiplier_bits = 15;

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
  if (shift < 0 || std::fabs(addend) > std::ldexp(1.0, 62)) {
    throw Error(where + " cannot be exported: its batch norm scales by " + std::to_string(map.slope) +
                " and adds " + std::to_string(map.intercept) +
                ", out of the range of a 16-bit multiplier and a shift");
  }
  operation.multiplier.push_back(static_cast<int32_t>(multiplier));
  operation.addend.push_back(static_cast<int64_t>(addend));
  operation.shift.push_back(static_cast<uint8_t>(shift));
}

void append_threshold(const AffineMap& map, const std::string& where, package::Threshold& operation) {
  check_finite(map.slope, map.intercept, where);
  constexpr double lowest = std::numeric_limits<int32_t>::min();
  constexpr double highest = std::numeric_limits<int32_t>::max();
  constexpr double never = highest + 1.0;
  bool rising = map.slope >= 0.0;
  double threshold;
  if (map.slope == 0.0) {
    threshold = map.intercept >= 0.0 ? lowest : never;
  } else {
    const double crossing = -map.intercept / map.slope;
    threshold = std::max(rising ? std::ceil(crossing) : std::min(std::floor(crossing), highest), lowest);
  }
  if (threshold > highest) {
    // Falling from below every accumulator: no threshold that rises is above 2^31 - 1.
    rising = false;
    threshold = lowest;
  }
  operation.threshold.push_back(static_cast<int32_t>(threshold));
  operation.rising.push_back(rising ? 1 : 0);
}

}  // namespace kones
