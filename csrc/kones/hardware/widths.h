// Bits that integers take.
#pragma once

#include <cstdint>

namespace kones::hardware {

/// Bits of a two's complement integer that holds -bound .. bound; bound >= 0 and below 2^62.
inline int signed_bits(int64_t bound) {
  int bits = 1;
  while ((int64_t{1} << (bits - 1)) - 1 < bound) ++bits;
  return bits;
}

}  // namespace kones::hardware
