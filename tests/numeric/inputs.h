// Values that quantizers are tried on.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "numeric/half_types.h"
#include "numeric/level_set.h"

namespace kones {

/// The values of all bit patterns of a type, NaNs as the one quiet NaN.
inline std::vector<float> every_value(const HalfType& type) {
  std::vector<float> values;
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const auto pattern = static_cast<uint16_t>(bits);
    values.push_back(type.is_nan(pattern) ? std::numeric_limits<float>::quiet_NaN()
                                          : static_cast<float>(type.value(pattern)));
  }
  return values;
}

/// The float32 before x, x, and the one after it.
inline void append_around(std::vector<float>& values, double x) {
  const auto middle = static_cast<float>(x);
  values.push_back(std::nextafterf(middle, -std::numeric_limits<float>::infinity()));
  values.push_back(middle);
  values.push_back(std::nextafterf(middle, std::numeric_limits<float>::infinity()));
}

/// Every level, every midpoint of two levels and sqrt(2) times every level, with the float32 before and after
/// it, and the values where float32 itself is special: zeros, the smallest and largest subnormal and normal
/// ones, infinities.
inline std::vector<float> edge_values(const LevelSet& set) {
  using Limits = std::numeric_limits<float>;
  std::vector<float> values;
  for (std::size_t i = 0; i < set.levels().size(); ++i) {
    append_around(values, set.levels()[i]);
    append_around(values, std::sqrt(2.0) * set.levels()[i]);
    if (i > 0) append_around(values, (set.levels()[i - 1] + set.levels()[i]) / 2);
  }
  for (const float magnitude :
       {0.0f, Limits::denorm_min(), 0x1p-127f, std::nextafterf(Limits::min(), 0.0f), Limits::min(), 0x1p-30f,
        0x1.fffffep112f, 0x1p113f, Limits::max(), Limits::infinity()}) {
    values.push_back(magnitude);
    values.push_back(-magnitude);
  }
  return values;
}

}  // namespace kones
