// Uniform numbers that show what probability a stochastic rounding uses.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

namespace kones {

/// The smallest and the largest number that elements draw, and the two on both sides of u = p, where u < p
/// turns false: all multiples of 2^-24 in [0, 1).
inline std::array<float, 4> uniforms_around(double probability) {
  const double last = 0x1p24 - 1;
  const double first_down = std::min(std::ceil(probability * 0x1p24), last);
  const double last_up = std::max(first_down - 1, 0.0);
  return {0.0f, static_cast<float>(last_up * 0x1p-24), static_cast<float>(first_down * 0x1p-24),
          static_cast<float>(last * 0x1p-24)};
}

}  // namespace kones
