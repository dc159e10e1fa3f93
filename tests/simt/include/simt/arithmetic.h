// Device arithmetic that a host compiler lacks: exact for integers and for the functions that IEEE 754
// defines.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

// Bits.
inline int __popc(unsigned x) {
  return __builtin_popcount(x);
}
inline int __popcll(unsigned long long x) {
  return __builtin_popcountll(x);
}
inline int __clz(int x) {
  return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x));
}
inline int __clzll(long long x) {
  return x == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(x));
}
inline int __ffs(int x) {
  return __builtin_ffs(x);
}
inline int __ffsll(long long x) {
  return __builtin_ffsll(x);
}
inline unsigned __brev(unsigned x) {
  x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
  x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
  x = (x >> 4 & 0x0F0F0F0Fu) | (x & 0x0F0F0F0Fu) << 4;
  return __builtin_bswap32(x);
}
inline unsigned long long __brevll(unsigned long long x) {
  return static_cast<unsigned long long>(__brev(static_cast<unsigned>(x))) << 32 |
         __brev(static_cast<unsigned>(x >> 32));
}

/// Byte i of the result is the byte of {y, x} that the low three bits of selector's nibble i name; the
/// nibble's high bit counts for nothing (nvcc masks it off before the instruction prmt, where it would).
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const uint64_t bytes = static_cast<uint64_t>(y) << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned place = selector >> (4 * i) & 7u;
    result |= (static_cast<unsigned>(bytes >> (8 * place)) & 255u) << (8 * i);
  }
  return result;
}

inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((static_cast<uint64_t>(high) << 32 | low) << (shift & 31u) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((static_cast<uint64_t>(high) << 32 | low) >> (shift & 31u));
}
inline unsigned __funnelshift_lc(unsigned low, unsigned high, unsigned shift) {
  return shift >= 32u ? low : __funnelshift_l(low, high, shift);
}
inline unsigned __funnelshift_rc(unsigned low, unsigned high, unsigned shift) {
  return shift >= 32u ? high : __funnelshift_r(low, high, shift);
}

// Integers.
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<uint64_t>(a) * b >> 32);
}
inline int __mulhi(int a, int b) {
  return static_cast<int>(static_cast<int64_t>(a) * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
inline int __dp4a(int a, int b, int c) {
  unsigned sum = static_cast<unsigned>(c);
  for (int i = 0; i < 4; ++i) {
    const int product = static_cast<int8_t>(static_cast<unsigned>(a) >> (8 * i)) *
                        static_cast<int8_t>(static_cast<unsigned>(b) >> (8 * i));
    sum += static_cast<unsigned>(product);
  }
  return static_cast<int>(sum);
}
inline unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
  for (int i = 0; i < 4; ++i) c += (a >> (8 * i) & 255u) * (b >> (8 * i) & 255u);
  return c;
}
inline int min(int a, int b) {
  return b < a ? b : a;
}
inline unsigned min(unsigned a, unsigned b) {
  return b < a ? b : a;
}
inline long long min(long long a, long long b) {
  return b < a ? b : a;
}
inline int max(int a, int b) {
  return a < b ? b : a;
}
inline unsigned max(unsigned a, unsigned b) {
  return a < b ? b : a;
}
inline long long max(long long a, long long b) {
  return a < b ? b : a;
}

// Bit patterns.
inline unsigned __float_as_uint(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}
inline int __float_as_int(float x) {
  return static_cast<int>(__float_as_uint(x));
}
inline float __int_as_float(int bits) {
  return __uint_as_float(static_cast<unsigned>(bits));
}

// float32, rounded to nearest even. The layer's files are compiled without contraction, so each is one
// rounding.
inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline float __fsub_rn(float a, float b) {
  return a - b;
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline float __fdiv_rn(float a, float b) {
  return a / b;
}
inline float __fsqrt_rn(float a) {
  return std::sqrt(a);
}
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
inline float __saturatef(float a) {
  return a > 0.0f ? (a < 1.0f ? a : 1.0f) : 0.0f;
}

// Conversions to integers saturate, and NaN becomes 0 (PTX ISA, cvt); the same in C++ would be undefined.
namespace simt {

template <typename Integer>
Integer saturate_to_integer(double x) {
  constexpr double lowest =
      static_cast<double>(static_cast<Integer>(-1) < static_cast<Integer>(0) ? INT32_MIN : 0);
  constexpr double above = static_cast<Integer>(-1) < static_cast<Integer>(0) ? 2147483648.0 : 4294967296.0;
  if (x != x) return 0;
  if (x <= lowest) return static_cast<Integer>(lowest);
  if (x >= above) return static_cast<Integer>(above - 1.0);
  return static_cast<Integer>(x);
}

}  // namespace simt

inline int __float2int_rn(float x) {
  return simt::saturate_to_integer<int>(std::nearbyint(x));
}
inline int __float2int_rz(float x) {
  return simt::saturate_to_integer<int>(x);
}
inline int __float2int_rd(float x) {
  return simt::saturate_to_integer<int>(std::floor(x));
}
inline int __float2int_ru(float x) {
  return simt::saturate_to_integer<int>(std::ceil(x));
}
inline unsigned __float2uint_rn(float x) {
  return simt::saturate_to_integer<unsigned>(std::nearbyint(x));
}
inline unsigned __float2uint_rz(float x) {
  return simt::saturate_to_integer<unsigned>(x);
}
inline float __int2float_rn(int x) {
  return static_cast<float>(x);
}
inline float __uint2float_rn(unsigned x) {
  return static_cast<float>(x);
}
