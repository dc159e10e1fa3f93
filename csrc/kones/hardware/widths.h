// Bits that integers take.
#pragma once

#include <cstdint>

namespace kones::hardware {

/// Bits of a two's complement integer that holds -bound .. bound; bound >= 0.
inline int signed_bits(int64_t bound) {
  int bits = 1;
  while (bits < 64 && bound >> (bits - 1) != 0) ++bits;
  return bits;
}

}  // namespace kones::hardware
