// Ternary: the levels -1, 0 and +1, chosen by a threshold (Li, Zhang and Liu, "Ternary Weight Networks",
// 2016, section 2). Each sign may have a scale of its own (Zhu, Han, Mao and Dally, "Trained Ternary
// Quantization", ICLR 2017, section 3).
#pragma once

#include <cstdint>

#include "kones/numeric/host_device.h"

namespace kones {

/// A threshold, at least 0, and what the two signs stand for.
struct TernaryScales {
  float threshold;
  float positive;
  float negative;
};

/// positive where x > threshold, -negative where x < -threshold, else +0; NaN for NaN.
KONES_HOST_DEVICE float ternarize(float x, TernaryScales scales) {
  const float above = x > scales.threshold ? scales.positive : 0.0f;
  // + 0: a scale of zero must not give -0.
  const float result = (x < -scales.threshold ? -scales.negative : above) + 0.0f;
  return x == x ? result : x;
}

/// The code of -1, 0 or +1: a sign bit above a bit that is set where the level is not zero.
inline uint32_t ternary_encode(int32_t level) {
  return level < 0 ? 3u : static_cast<uint32_t>(level);
}

inline int32_t ternary_decode(uint32_t code) {
  const int32_t magnitude = static_cast<int32_t>(code & 1u);
  return (code & 2u) != 0 ? -magnitude : magnitude;
}

}  // namespace kones
