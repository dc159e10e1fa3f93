// float16 (IEEE 754 binary16) and bfloat16 as storage types: widened exactly to float32, rounded to nearest
// even on the way back. On a CUDA device the hardware's conversions do the same.
#pragma once

#include <cstdint>

#include "kones/numeric/bits.h"
#include "kones/numeric/host_device.h"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace kones {

struct Float16 {
  uint16_t bits;
};

struct BFloat16 {
  uint16_t bits;
};

KONES_HOST_DEVICE float to_float(float x) {
  return x;
}

KONES_HOST_DEVICE float to_float(BFloat16 x) {
  return float_from_bits(static_cast<uint32_t>(x.bits) << 16);
}

KONES_HOST_DEVICE float to_float(Float16 x) {
#if defined(__CUDA_ARCH__)
  return __half2float(__ushort_as_half(x.bits));
#else
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000u) << 16;
  const uint32_t magnitude = x.bits & 0x7FFFu;
  // A float32 with the same fields is 2^-112 of the value, subnormal or not; multiplying corrects the
  // exponent exactly.
  const uint32_t finite = float_to_bits(float_from_bits(magnitude << 13) * 0x1p112f);
  const uint32_t special = 0x7F800000u | ((magnitude & 0x3FFu) << 13);
  return float_from_bits(sign | (magnitude >= 0x7C00u ? special : finite));
#endif
}

/// What CUDA devices convert every NaN to, in both types (PTX ISA, "cvt").
inline constexpr uint32_t canonical_nan = 0x7FFF;

/// Converts a float32 to the storage type T.
template <typename T>
KONES_HOST_DEVICE T from_float(float x);

template <>
KONES_HOST_DEVICE float from_float<float>(float x) {
  return x;
}

template <>
KONES_HOST_DEVICE BFloat16 from_float<BFloat16>(float x) {
#if defined(__CUDA_ARCH__)
  return {__bfloat16_as_ushort(__float2bfloat16_rn(x))};
#else
  const uint32_t bits = float_to_bits(x);
  const uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  return {static_cast<uint16_t>(x != x ? canonical_nan : rounded)};
#endif
}

template <>
KONES_HOST_DEVICE Float16 from_float<Float16>(float x) {
#if defined(__CUDA_ARCH__)
  return {__half_as_ushort(__float2half_rn(x))};
#else
  const uint32_t bits = float_to_bits(x);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  // Subnormal: adding 0.5 makes the hardware round at bit 2^-24, to nearest even.
  const uint32_t subnormal = float_to_bits(float_from_bits(magnitude) + 0.5f) - 0x3F000000u;
  const uint32_t normal = (magnitude + 0xFFFu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13;
  const uint32_t finite = sign | (magnitude < 0x38800000u ? subnormal : normal);
  const uint32_t number = magnitude >= 0x477FF000u ? sign | 0x7C00u : finite;
  return {static_cast<uint16_t>(magnitude > 0x7F800000u ? canonical_nan : number)};
#endif
}

}  // namespace kones
