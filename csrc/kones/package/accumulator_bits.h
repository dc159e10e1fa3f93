// The width of accumulators.
#pragma once

#include <cstdint>

namespace kones::package {

/// Bits of a two's complement integer that holds -bound .. bound; bound is at most 2^62.
inline int accumulator_bits(int64_t bound) {
  int bits = 1;
  while ((int64_t{1} << (bits - 1)) - 1 < bound) ++bits;
  return bits;
}

}  // namespace kones::package
