// Division of indices by a number that is the same for a whole launch: a multiplication and a shift.
#pragma once

#include <cstdint>

#include "kones/numeric/host_device.h"

namespace kones::cuda {

/// Divides numbers below 2^31 by `divisor`, 1 .. 2^31 - 1. With shift = 31 + ceil(log2 divisor), the
/// multiplier is 2^shift / divisor, rounded up by less than 1: the quotient is too large by less than n /
/// 2^shift < 1 / divisor, which changes no whole number (Granlund and Montgomery, 1994, theorem 4.2).
struct Divider {
  uint32_t divisor = 1;
  uint32_t multiplier = uint32_t{1} << 31;
  uint32_t shift = 31;

  Divider() = default;
  explicit Divider(int64_t by) : divisor(static_cast<uint32_t>(by)) {
    while ((int64_t{1} << (shift - 31)) < by) ++shift;
    multiplier = static_cast<uint32_t>(((uint64_t{1} << shift) + divisor - 1) / divisor);
  }
};

KONES_HOST_DEVICE uint32_t divide(uint32_t n, const Divider& by) {
  return static_cast<uint32_t>((uint64_t{n} * by.multiplier) >> by.shift);
}

}  // namespace kones::cuda
