// The inner loop of convolutions of signs, for the instruction set of the file that includes it: a tile of a
// few pixels times a panel of outputs, kept in registers.
//
// count_tile<Pixels>(activations, pixel_stride, offsets, words, weights, counts) makes counts[p][o] the
// number of bits in which word k of pixel p and of output o differ, over all k (XnorRow says where the words
// are). tile_pixels is the most that Pixels may be.
//
// Each lane counts for one output, so that no sum crosses lanes. Without an instruction that counts bits, the
// words of four steps are first added bit by bit (a carry-save adder: Harley and Seal; Warren, "Hacker's
// Delight", section 5-1), so that only one word of fours is counted, nibble by nibble in a table (Mula, Kurz
// and Lemire, 2018).
#pragma once

#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kones/kernels/tiers/xnor_conv2d.h"

namespace kones::kernels {
namespace {

#define KONES_UNROLL _Pragma("GCC unroll 16")

/// A number for each output of a panel: the compiler makes instructions of what the tier has.
typedef int32_t PanelIntegers __attribute__((vector_size(4 * xnor_panel)));
typedef float PanelFloats __attribute__((vector_size(4 * xnor_panel)));

#if defined(__AMX_INT8__)

constexpr int tile_pixels = 8;

/// Of the sums of products that have been made already: they are the products but for twice the count.
template <int Pixels>
inline void count_tile(const uint64_t* activations, int64_t pixel_stride, const int64_t*, int64_t words,
                       const uint64_t*, PanelIntegers (&counts)[Pixels]) {
  typedef uint32_t Unsigned __attribute__((vector_size(4 * xnor_panel)));
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
    Unsigned sums;
    __builtin_memcpy(&sums, activations + p * pixel_stride, sizeof(sums));
    counts[p] = reinterpret_cast<PanelIntegers>((static_cast<uint32_t>(64 * words) - sums) >> 1);
  }
}

#elif defined(__AVX512VPOPCNTDQ__)

constexpr int tile_pixels = 12;

template <int Pixels>
inline void count_tile(const uint64_t* activations, int64_t pixel_stride, const int64_t* offsets,
                       int64_t words, const uint64_t* weights, PanelIntegers (&counts)[Pixels]) {
  __m512i sums[Pixels][2];
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) sums[p][0] = sums[p][1] = _mm512_setzero_si512();
  for (int64_t k = 0; k < words; ++k) {
    const __m512i even = _mm512_loadu_si512(weights + k * xnor_panel);
    const __m512i odd = _mm512_loadu_si512(weights + k * xnor_panel + 8);
    const uint64_t* from = activations + offsets[k];
    KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
      const __m512i word = _mm512_set1_epi64(static_cast<int64_t>(from[p * pixel_stride]));
      sums[p][0] = _mm512_add_epi64(sums[p][0], _mm512_popcnt_epi64(_mm512_xor_si512(word, even)));
      sums[p][1] = _mm512_add_epi64(sums[p][1], _mm512_popcnt_epi64(_mm512_xor_si512(word, odd)));
    }
  }
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
    counts[p] =
        reinterpret_cast<PanelIntegers>(_mm512_or_si512(sums[p][0], _mm512_slli_epi64(sums[p][1], 32)));
  }
}

#elif defined(__AVX2__)

#if defined(__AVX512BW__)

constexpr int tile_pixels = 4;

struct Vector {
  static constexpr int lanes = 8;
  __m512i bits;

  static Vector zero() { return {_mm512_setzero_si512()}; }
  static Vector broadcast(uint64_t word) { return {_mm512_set1_epi64(static_cast<int64_t>(word))}; }
  static Vector load(const uint64_t* from) { return {_mm512_loadu_si512(from)}; }
};

inline Vector operator+(Vector a, Vector b) {
  return {_mm512_add_epi64(a.bits, b.bits)};
}
inline Vector operator^(Vector a, Vector b) {
  return {_mm512_xor_si512(a.bits, b.bits)};
}
inline Vector add_bytes(Vector a, Vector b) {
  return {_mm512_add_epi8(a.bits, b.bits)};
}
inline Vector times(Vector a, int power) {
  return {_mm512_slli_epi64(a.bits, power)};
}
inline Vector sum_bytes(Vector a) {
  return {_mm512_sad_epu8(a.bits, _mm512_setzero_si512())};
}

/// The bits of each byte of x, counted.
inline Vector count_bytes(Vector x) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i nibble = _mm512_set1_epi8(15);
  return {
      _mm512_add_epi8(_mm512_shuffle_epi8(table, _mm512_and_si512(x.bits, nibble)),
                      _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x.bits, 4), nibble)))};
}

/// Adds a0 ^ b0 and a1 ^ b1 to `ones` bit by bit, and returns the carries.
inline Vector add_two(Vector& ones, Vector a0, Vector b0, Vector a1, Vector b1) {
  const __m512i first = _mm512_ternarylogic_epi64(ones.bits, a0.bits, b0.bits, 0x96);  // the odd of three
  const __m512i second = _mm512_ternarylogic_epi64(first, a1.bits, b1.bits, 0x96);
  // Two or more of ones, a0 ^ b0, a1 ^ b1: where they were not all alike, first != second tells; else ones.
  const __m512i carry = _mm512_ternarylogic_epi64(first, second, ones.bits, 0x3A);
  ones.bits = second;
  return {carry};
}

/// Adds a and b to `sum` bit by bit, and returns the carries.
inline Vector add(Vector& sum, Vector a, Vector b) {
  const __m512i carry = _mm512_ternarylogic_epi64(sum.bits, a.bits, b.bits, 0xE8);  // the majority
  sum.bits = _mm512_ternarylogic_epi64(sum.bits, a.bits, b.bits, 0x96);
  return {carry};
}

#else

constexpr int tile_pixels = 4;

struct Vector {
  static constexpr int lanes = 4;
  __m256i bits;

  static Vector zero() { return {_mm256_setzero_si256()}; }
  static Vector broadcast(uint64_t word) { return {_mm256_set1_epi64x(static_cast<int64_t>(word))}; }
  static Vector load(const uint64_t* from) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))};
  }
};

inline Vector operator+(Vector a, Vector b) {
  return {_mm256_add_epi64(a.bits, b.bits)};
}
inline Vector operator^(Vector a, Vector b) {
  return {_mm256_xor_si256(a.bits, b.bits)};
}
inline Vector add_bytes(Vector a, Vector b) {
  return {_mm256_add_epi8(a.bits, b.bits)};
}
inline Vector times(Vector a, int power) {
  return {_mm256_slli_epi64(a.bits, power)};
}
inline Vector sum_bytes(Vector a) {
  return {_mm256_sad_epu8(a.bits, _mm256_setzero_si256())};
}

/// The bits of each byte of x, counted.
inline Vector count_bytes(Vector x) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15);
  return {
      _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(x.bits, nibble)),
                      _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x.bits, 4), nibble)))};
}

/// Adds a and b to `sum` bit by bit, and returns the carries.
inline Vector add(Vector& sum, Vector a, Vector b) {
  const __m256i odd = _mm256_xor_si256(sum.bits, a.bits);
  const __m256i carry = _mm256_or_si256(_mm256_and_si256(sum.bits, a.bits), _mm256_and_si256(odd, b.bits));
  sum.bits = _mm256_xor_si256(odd, b.bits);
  return {carry};
}

/// Adds a0 ^ b0 and a1 ^ b1 to `ones` bit by bit, and returns the carries.
inline Vector add_two(Vector& ones, Vector a0, Vector b0, Vector a1, Vector b1) {
  return add(ones, a0 ^ b0, a1 ^ b1);
}

#endif

/// Groups of four words whose fours a byte can count: 8 bits each.
constexpr int64_t groups_in_bytes = 255 / 8;

/// One vector of outputs.
template <int Pixels>
inline void count_lanes(const uint64_t* activations, int64_t pixel_stride, const int64_t* offsets,
                        int64_t words, const uint64_t* weights, Vector (&counts)[Pixels]) {
  Vector ones[Pixels];
  Vector twos[Pixels];
  Vector fours[Pixels];  // counted by bytes
  Vector totals[Pixels];
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
    ones[p] = twos[p] = fours[p] = totals[p] = Vector::zero();
  }
  int64_t k = 0;
  while (k + 4 <= words) {
    const int64_t left = (words - k) / 4;
    const int64_t groups = left < groups_in_bytes ? left : groups_in_bytes;
    for (int64_t group = 0; group < groups; ++group, k += 4) {
      const uint64_t* from[4];
      Vector weight[4];
      KONES_UNROLL for (int i = 0; i < 4; ++i) {
        from[i] = activations + offsets[k + i];
        weight[i] = Vector::load(weights + (k + i) * xnor_panel);
      }
      KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
        const int64_t pixel = p * pixel_stride;
        const Vector first = add_two(ones[p], Vector::broadcast(from[0][pixel]), weight[0],
                                     Vector::broadcast(from[1][pixel]), weight[1]);
        const Vector second = add_two(ones[p], Vector::broadcast(from[2][pixel]), weight[2],
                                      Vector::broadcast(from[3][pixel]), weight[3]);
        fours[p] = add_bytes(fours[p], count_bytes(add(twos[p], first, second)));
      }
    }
    KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
      totals[p] = totals[p] + sum_bytes(fours[p]);
      fours[p] = Vector::zero();
    }
  }
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
    Vector rest = count_bytes(ones[p]);
    for (int64_t last = k; last < words; ++last) {
      const Vector word = Vector::broadcast(activations[offsets[last] + p * pixel_stride]);
      rest = add_bytes(rest, count_bytes(word ^ Vector::load(weights + last * xnor_panel)));
    }
    counts[p] = times(totals[p], 2) + times(sum_bytes(count_bytes(twos[p])), 1) + sum_bytes(rest);
  }
}

template <int Pixels>
inline void count_tile(const uint64_t* activations, int64_t pixel_stride, const int64_t* offsets,
                       int64_t words, const uint64_t* weights, PanelIntegers (&counts)[Pixels]) {
  for (int first = 0; first < xnor_panel / 2; first += Vector::lanes) {
    Vector even[Pixels];
    Vector odd[Pixels];
    count_lanes<Pixels>(activations, pixel_stride, offsets, words, weights + first, even);
    count_lanes<Pixels>(activations, pixel_stride, offsets, words, weights + first + xnor_panel / 2, odd);
    for (int p = 0; p < Pixels; ++p) {
      const Vector both = even[p] + times(odd[p], 32);
      __builtin_memcpy(reinterpret_cast<int32_t*>(&counts[p]) + 2 * first, &both, sizeof(both));
    }
  }
}

#else

constexpr int tile_pixels = 4;

/// Bits of a word, counted in parallel (Warren, "Hacker's Delight", section 5-1).
inline uint64_t count_word(uint64_t x) {
  x -= (x >> 1) & 0x5555555555555555u;
  x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
  x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
  x += x >> 8;
  x += x >> 16;
  x += x >> 32;
  return x & 0xFFu;
}

template <int Pixels>
inline void count_tile(const uint64_t* activations, int64_t pixel_stride, const int64_t* offsets,
                       int64_t words, const uint64_t* weights, PanelIntegers (&counts)[Pixels]) {
  for (int p = 0; p < Pixels; ++p) {
    uint64_t sums[xnor_panel] = {};
    for (int64_t k = 0; k < words; ++k) {
      const uint64_t word = activations[offsets[k] + p * pixel_stride];
      for (int o = 0; o < xnor_panel; ++o) sums[o] += count_word(word ^ weights[k * xnor_panel + o]);
    }
    for (int o = 0; o < xnor_panel; ++o) counts[p][o] = static_cast<int32_t>(sums[xnor_lane(o)]);
  }
}

#endif

}  // namespace
}  // namespace kones::kernels
