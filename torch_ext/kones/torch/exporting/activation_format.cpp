#include "kones/torch/exporting/activation_format.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kones {
namespace {

// Of float32 numbers that are finite; the first bin has zero in it.
constexpr int first_bin = 1;
constexpr int end_of_bins = 255 * 32;

/// The smallest number of a bin.
double bin_edge(int bin) {
  const int exponent = bin / 32;
  return exponent == 0 ? std::ldexp(bin, -131) : std::ldexp(32 + bin % 32, exponent - 132);
}

/// The squared error of rounding to multiples of `step` up to `largest` of them, integrated from 0 to x.
double integrated_error(double x, double step, double largest) {
  const double multiple = std::min(std::floor(x / step + 0.5), largest);
  const double rest = x - multiple * step;
  return multiple * (step * step * step) / 12.0 + rest * rest * rest / 3.0;
}

}  // namespace

int fraction_bits_for(double largest, int bits, bool is_signed) {
  const double largest_integer = std::ldexp(1.0, is_signed ? bits - 1 : bits) - 1.0;
  const double magnitude = largest > 0.0 ? largest : 1.0;
  int fraction_bits =
      static_cast<int>(std::clamp(std::floor(std::log2(largest_integer / magnitude)), -127.0, 127.0));
  // The logarithm may be off by one where the quotient is all but a power of two.
  if (std::ldexp(magnitude, fraction_bits + 1) <= largest_integer) ++fraction_bits;
  if (std::ldexp(magnitude, fraction_bits) > largest_integer) --fraction_bits;
  return std::clamp(fraction_bits, -126, 126);
}

int fraction_bits_by_error(const std::vector<int64_t>& histogram, int bits) {
  const double largest_integer = std::ldexp(1.0, bits) - 1.0;
  int best = fraction_bits_for(0.0, bits, false);
  double least = std::numeric_limits<double>::infinity();
  for (int fraction_bits = 126; fraction_bits >= -126; --fraction_bits) {
    const double step = std::ldexp(1.0, -fraction_bits);
    double error = 0.0;
    bool is_empty = true;
    for (int bin = first_bin; bin < end_of_bins; ++bin) {
      const int64_t count = histogram[static_cast<size_t>(bin)];
      if (count == 0) continue;
      is_empty = false;
      const double low = bin_edge(bin);
      const double high = bin_edge(bin + 1);
      error +=
          static_cast<double>(count) *
          ((integrated_error(high, step, largest_integer) - integrated_error(low, step, largest_integer)) /
           (high - low));
    }
    if (is_empty) break;
    if (error < least) {
      least = error;
      best = fraction_bits;
    }
  }
  return best;
}

}  // namespace kones
