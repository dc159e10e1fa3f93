#include "kones/torch/exporting/activation_format.h"

#include <algorithm>
#include <cmath>

namespace kones {

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

}  // namespace kones
