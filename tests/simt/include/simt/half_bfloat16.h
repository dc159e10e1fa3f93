// bfloat16 functions that the toolkit gives to devices alone: exactly rounded where a device's functions are
// (fma, the roundings to integers, sqrt); exp, log and the like are within an ulp of a device's, whose bits
// no document states.
#pragma once

#include "simt/arithmetic.h"
#include "simt/atomics.h"
#include "simt/narrow_float.h"

inline __nv_bfloat16 __hfma(__nv_bfloat16 a, __nv_bfloat16 b, __nv_bfloat16 c) {
  return __float2bfloat16_rn(
      simt::multiply_add_to_odd(__bfloat162float(a), __bfloat162float(b), __bfloat162float(c)));
}
inline __nv_bfloat16 __hfma_sat(__nv_bfloat16 a, __nv_bfloat16 b, __nv_bfloat16 c) {
  return __float2bfloat16_rn(simt::clamp_to_one(__bfloat162float(__hfma(a, b, c))));
}
inline __nv_bfloat16 __hfma_relu(__nv_bfloat16 a, __nv_bfloat16 b, __nv_bfloat16 c) {
  return __float2bfloat16_rn(simt::clamp_below_zero(__bfloat162float(__hfma(a, b, c))));
}
inline __nv_bfloat162 __hfma2(__nv_bfloat162 a, __nv_bfloat162 b, __nv_bfloat162 c) {
  return __nv_bfloat162(__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y));
}

// Functions of one argument, alone and on pairs.
#define SIMT_FUNCTION(name, expression)                \
  inline __nv_bfloat16 h##name(__nv_bfloat16 a) {      \
    const float x = __bfloat162float(a);               \
    return __float2bfloat16_rn(expression);            \
  }                                                    \
  inline __nv_bfloat162 h2##name(__nv_bfloat162 a) {   \
    return __nv_bfloat162(h##name(a.x), h##name(a.y)); \
  }

SIMT_FUNCTION(exp, std::exp(x))
SIMT_FUNCTION(exp2, std::exp2(x))
SIMT_FUNCTION(exp10, static_cast<float>(std::pow(10.0, static_cast<double>(x))))
SIMT_FUNCTION(log, std::log(x))
SIMT_FUNCTION(log2, std::log2(x))
SIMT_FUNCTION(log10, std::log10(x))
SIMT_FUNCTION(sin, std::sin(x))
SIMT_FUNCTION(cos, std::cos(x))
SIMT_FUNCTION(tanh, std::tanh(x))
SIMT_FUNCTION(sqrt, std::sqrt(x))
SIMT_FUNCTION(rsqrt, 1.0f / std::sqrt(x))
SIMT_FUNCTION(rcp, 1.0f / x)
SIMT_FUNCTION(rint, std::nearbyint(x))
SIMT_FUNCTION(floor, std::floor(x))
SIMT_FUNCTION(ceil, std::ceil(x))
SIMT_FUNCTION(trunc, std::trunc(x))

#undef SIMT_FUNCTION

inline __nv_bfloat162 h2div(__nv_bfloat162 a, __nv_bfloat162 b) {
  return __h2div(a, b);
}

// To integers: out of range saturates, NaN is 0.
inline int __bfloat162int_rn(__nv_bfloat16 a) {
  return __float2int_rn(__bfloat162float(a));
}
inline int __bfloat162int_rd(__nv_bfloat16 a) {
  return __float2int_rd(__bfloat162float(a));
}
inline int __bfloat162int_ru(__nv_bfloat16 a) {
  return __float2int_ru(__bfloat162float(a));
}
inline unsigned __bfloat162uint_rn(__nv_bfloat16 a) {
  return __float2uint_rn(__bfloat162float(a));
}
inline short __bfloat162short_rn(__nv_bfloat16 a) {
  const int value = __float2int_rn(__bfloat162float(a));
  return static_cast<short>(value < -32768 ? -32768 : (value > 32767 ? 32767 : value));
}

inline __nv_bfloat16 atomicAdd(__nv_bfloat16* address, __nv_bfloat16 value) {
  return simt::atomic(address, value,
                      [](__nv_bfloat16 old, __nv_bfloat16 operand) { return __hadd(old, operand); });
}
inline __nv_bfloat162 atomicAdd(__nv_bfloat162* address, __nv_bfloat162 value) {
  // Each half is atomic, the pair need not be.
  return __nv_bfloat162(atomicAdd(&address->x, value.x), atomicAdd(&address->y, value.y));
}
