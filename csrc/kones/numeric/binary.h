// Binary: the levels -1 and +1 (BinaryConnect: Courbariaux, Bengio and David, NIPS 2015, section 2.2).
#pragma once

#include <cstdint>

#include "kones/numeric/host_device.h"

namespace kones {

/// The sign of x, with sign(+-0) = +1; NaN for NaN. `nearest` and `truncate` both mean this.
KONES_HOST_DEVICE float binarize_nearest(float x) {
  const float level = x < 0.0f ? -1.0f : 1.0f;
  return x == x ? level : x;
}

/// +1 when uniform < clip((x + 1) / 2, 0, 1), else -1; NaN for NaN. `uniform` is in [0, 1).
KONES_HOST_DEVICE float binarize_stochastic(float x, float uniform) {
  const float probability = (x + 1.0f) / 2.0f;
  const float level = uniform < probability ? 1.0f : -1.0f;
  return x == x ? level : x;
}

/// Code of the level -1 or +1: a set bit is negative.
inline uint32_t binary_encode(int32_t level) {
  return level < 0 ? 1u : 0u;
}

inline int32_t binary_decode(uint32_t code) {
  return (code & 1u) != 0 ? -1 : 1;
}

}  // namespace kones
