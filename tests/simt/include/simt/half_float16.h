// float16 functions that the toolkit gives to devices alone: exactly rounded where a device's functions are
// (fma, the roundings to integers, sqrt); exp, log and the like are within an ulp of a device's, whose bits
// no document states.
#pragma once

#include "simt/arithmetic.h"
#include "simt/atomics.h"
#include "simt/narrow_float.h"

inline __half __hfma(__half a, __half b, __half c) {
  return __float2half_rn(simt::multiply_add_to_odd(__half2float(a), __half2float(b), __half2float(c)));
}
inline __half __hfma_sat(__half a, __half b, __half c) {
  return __float2half_rn(simt::clamp_to_one(__half2float(__hfma(a, b, c))));
}
inline __half __hfma_relu(__half a, __half b, __half c) {
  return __float2half_rn(simt::clamp_below_zero(__half2float(__hfma(a, b, c))));
}
inline __half2 __hfma2(__half2 a, __half2 b, __half2 c) {
  return __half2(__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y));
}

// Functions of one argument, alone and on pairs.
#define SIMT_FUNCTION(name, expression)         \
  inline __half h##name(__half a) {             \
    const float x = __half2float(a);            \
    return __float2half_rn(expression);         \
  }                                             \
  inline __half2 h2##name(__half2 a) {          \
    return __half2(h##name(a.x), h##name(a.y)); \
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

inline __half2 h2div(__half2 a, __half2 b) {
  return __h2div(a, b);
}

// To integers: out of range saturates, NaN is 0.
inline int __half2int_rn(__half a) {
  return __float2int_rn(__half2float(a));
}
inline int __half2int_rd(__half a) {
  return __float2int_rd(__half2float(a));
}
inline int __half2int_ru(__half a) {
  return __float2int_ru(__half2float(a));
}
inline unsigned __half2uint_rn(__half a) {
  return __float2uint_rn(__half2float(a));
}
inline short __half2short_rn(__half a) {
  const int value = __float2int_rn(__half2float(a));
  return static_cast<short>(value < -32768 ? -32768 : (value > 32767 ? 32767 : value));
}

inline __half atomicAdd(__half* address, __half value) {
  return simt::atomic(address, value, [](__half old, __half operand) { return __hadd(old, operand); });
}
inline __half2 atomicAdd(__half2* address, __half2 value) {
  // Each half is atomic, the pair need not be.
  return __half2(atomicAdd(&address->x, value.x), atomicAdd(&address->y, value.y));
}
