// Reinterprets the bits of a float as an integer, and back.
#pragma once

#include <cstdint>
#include <cstring>

#include "kones/numeric/host_device.h"

namespace kones {

KONES_HOST_DEVICE uint32_t float_to_bits(float value) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(value);
#else
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
#endif
}

KONES_HOST_DEVICE float float_from_bits(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
#endif
}

/// 2^exponent for exponent in -126..127.
KONES_HOST_DEVICE float exp2_integer(int exponent) {
  return float_from_bits(static_cast<uint32_t>(exponent + 127) << 23);
}

/// The largest power of two that is not above x, for a normal x > 0.
KONES_HOST_DEVICE float power_of_two_floor(float x) {
  return float_from_bits(float_to_bits(x) & 0x7F800000u);
}

}  // namespace kones
