// Values of the four types that xnor_conv2d writes, as bits: which type is known at run time, and the same
// for all threads, so that kernels need no copy for each.
#pragma once

#include <cstdint>

#include "kones/cuda/hardware.cuh"
#include "kones/cuda/xnor_launch.h"
#include "kones/numeric/bits.h"
#include "kones/numeric/float16.h"
#include "kones/numeric/xnor_conv2d.h"

namespace kones::cuda {

__device__ __forceinline__ bool is_half_type(XnorValue type) {
  return type == XnorValue::float16 || type == XnorValue::bfloat16;
}

/// The float32 rounded to one of the types of floats.
__device__ __forceinline__ uint32_t encode_value(XnorValue type, float value) {
  if (type == XnorValue::float16) return xnor_stored<Float16>(value).bits;
  if (type == XnorValue::bfloat16) return xnor_stored<BFloat16>(value).bits;
  return float_to_bits(value);
}

__device__ __forceinline__ float decode_value(XnorValue type, uint32_t bits) {
  if (type == XnorValue::float16) return to_float(Float16{static_cast<uint16_t>(bits)});
  if (type == XnorValue::bfloat16) return to_float(BFloat16{static_cast<uint16_t>(bits)});
  return float_from_bits(bits);
}

/// Element `index` at `from`, and with `pair` the one behind it, by one load; else bits[1] is 0.
struct ValueBits {
  uint32_t bits[2];
};

__device__ __forceinline__ ValueBits load_values(XnorValue type, const void* from, int64_t index, bool pair) {
  if (is_half_type(type)) {
    const uint16_t* const place = static_cast<const uint16_t*>(from) + index;
    if (!pair) return {{*place, 0}};
    const uint32_t both = *reinterpret_cast<const uint32_t*>(place);
    return {{both & 0xFFFFu, both >> 16}};
  }
  const uint32_t* const place = static_cast<const uint32_t*>(from) + index;
  if (!pair) return {{*place, 0}};
  const uint2 both = *reinterpret_cast<const uint2*>(place);
  return {{both.x, both.y}};
}

__device__ __forceinline__ void store_values(XnorValue type, void* to, int64_t index, bool pair,
                                             const ValueBits& values) {
  if (is_half_type(type)) {
    uint16_t* const place = static_cast<uint16_t*>(to) + index;
    if (pair) {
      *reinterpret_cast<uint32_t*>(place) = values.bits[0] | values.bits[1] << 16;
    } else {
      *place = static_cast<uint16_t>(values.bits[0]);
    }
  } else {
    uint32_t* const place = static_cast<uint32_t*>(to) + index;
    if (pair) {
      *reinterpret_cast<uint2*>(place) = uint2{values.bits[0], values.bits[1]};
    } else {
      *place = values.bits[0];
    }
  }
}

}  // namespace kones::cuda
