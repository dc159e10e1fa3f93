// The inner loop of convolutions of signs, for the instruction set of the file that includes it: a tile of a
// few pixels times a panel of outputs, kept in registers.
//
// count_tile<Pixels>(activations, pixel_stride, offsets, words, weights, counts) makes counts[p][o] the
// number of bits in which word k of pixel p and of output o differ, over all k (XnorRow says where the words
// are). tile_pixels is the most that Pixels may be.
//
// Each lane of 32 bits counts for one output, so that no sum crosses lanes. Without an instruction that
// counts bits, the halves of four words are first added bit by bit (a carry-save adder: Harley and Seal;
// Warren, "Hacker's Delight", section 5-1), so that only one vector of eights is counted, nibble by nibble in
// a table (Mula, Kurz and Lemire, 2018).
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

/// Half 0, the low one, or half 1 of a word.
inline int32_t half_of(const uint64_t* word, int half) {
  int32_t bits;
  __builtin_memcpy(&bits, reinterpret_cast<const char*>(word) + 4 * half, sizeof(bits));
  return bits;
}

#if defined(__AMX_INT8__)

constexpr int tile_pixels = 8;

/// The sums of products are there already (XnorRowSums): a sum is the number of products less twice the
/// count.
template <int Pixels>
[[gnu::always_inline]] inline void count_tile(const uint64_t* activations, int64_t pixel_stride,
                                              const int64_t*, int64_t words, const uint32_t*,
                                              PanelIntegers (&counts)[Pixels]) {
  typedef uint32_t Unsigned __attribute__((vector_size(4 * xnor_panel)));
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
    Unsigned sums;
    __builtin_memcpy(&sums, activations + p * pixel_stride, sizeof(sums));
    counts[p] = reinterpret_cast<PanelIntegers>((static_cast<uint32_t>(64 * words) - sums) >> 1);
  }
}

#elif defined(__AVX512VPOPCNTDQ__)

constexpr int tile_pixels = 14;

/// Adds the number of bits in which half of a word differs from the weights. The compiler would rather add
/// both halves' numbers first, which costs a copy of every sum; it may not look through `asm`.
inline void add_differing(__m512i& sums, int32_t activation, __m512i weight) {
  __m512i sum =
      _mm512_add_epi32(sums, _mm512_popcnt_epi32(_mm512_xor_si512(_mm512_set1_epi32(activation), weight)));
  asm("" : "+v"(sum));
  sums = sum;
}

template <int Pixels>
[[gnu::always_inline]] inline void count_tile(const uint64_t* activations, int64_t pixel_stride,
                                              const int64_t* offsets, int64_t words, const uint32_t* weights,
                                              PanelIntegers (&counts)[Pixels]) {
  __m512i sums[Pixels];
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) sums[p] = _mm512_setzero_si512();
  for (int64_t k = 0; k < words; ++k, weights += 2 * xnor_panel) {
    const __m512i low = _mm512_loadu_si512(weights);
    const __m512i high = _mm512_loadu_si512(weights + xnor_panel);
    const uint64_t* pixel = activations + offsets[k];
    KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
      add_differing(sums[p], half_of(pixel, 0), low);
      add_differing(sums[p], half_of(pixel, 1), high);
      pixel += pixel_stride;
      asm("" : "+r"(pixel));  // or else it keeps all pixels' distances, for which there are no registers
    }
  }
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) counts[p] = reinterpret_cast<PanelIntegers>(sums[p]);
}

#elif defined(__AVX2__)

#if defined(__AVX512BW__)

constexpr int tile_pixels = 4;

struct Vector {
  static constexpr int lanes = 16;
  __m512i bits;

  static Vector zero() { return {_mm512_setzero_si512()}; }
  static Vector broadcast(int32_t bits) { return {_mm512_set1_epi32(bits)}; }
  static Vector load(const uint32_t* from) { return {_mm512_loadu_si512(from)}; }
};

inline Vector operator+(Vector a, Vector b) {
  return {_mm512_add_epi32(a.bits, b.bits)};
}
inline Vector operator^(Vector a, Vector b) {
  return {_mm512_xor_si512(a.bits, b.bits)};
}
inline Vector operator&(Vector a, Vector b) {
  return {_mm512_and_si512(a.bits, b.bits)};
}
inline Vector add_bytes(Vector a, Vector b) {
  return {_mm512_add_epi8(a.bits, b.bits)};
}
/// low + 8 * high, both added over the bytes of each lane.
inline Vector sum_bytes(Vector low, Vector high) {
  const __m512i pairs = _mm512_add_epi16(_mm512_maddubs_epi16(low.bits, _mm512_set1_epi8(1)),
                                         _mm512_maddubs_epi16(high.bits, _mm512_set1_epi8(8)));
  return {_mm512_madd_epi16(pairs, _mm512_set1_epi16(1))};
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
  static constexpr int lanes = 8;
  __m256i bits;

  static Vector zero() { return {_mm256_setzero_si256()}; }
  static Vector broadcast(int32_t bits) { return {_mm256_set1_epi32(bits)}; }
  static Vector load(const uint32_t* from) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))};
  }
};

inline Vector operator+(Vector a, Vector b) {
  return {_mm256_add_epi32(a.bits, b.bits)};
}
inline Vector operator^(Vector a, Vector b) {
  return {_mm256_xor_si256(a.bits, b.bits)};
}
inline Vector operator&(Vector a, Vector b) {
  return {_mm256_and_si256(a.bits, b.bits)};
}
inline Vector add_bytes(Vector a, Vector b) {
  return {_mm256_add_epi8(a.bits, b.bits)};
}
/// low + 8 * high, both added over the bytes of each lane.
inline Vector sum_bytes(Vector low, Vector high) {
  const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(low.bits, _mm256_set1_epi8(1)),
                                         _mm256_maddubs_epi16(high.bits, _mm256_set1_epi8(8)));
  return {_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))};
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

/// The bits of one pixel's words that differ from those of a vector of outputs, added up so far: bit by bit,
/// and from eight on in bytes.
struct CarrySaveCounter {
  Vector ones;
  Vector twos;
  Vector fours;
  Vector eights;

  void clear() { ones = twos = fours = eights = Vector::zero(); }
  /// Adds both halves of a word bit by bit and returns the carries, each of two.
  Vector add_word(const uint64_t* word, const Vector (&weight)[2]) {
    return add_two(ones, Vector::broadcast(half_of(word, 0)), weight[0], Vector::broadcast(half_of(word, 1)),
                   weight[1]);
  }
  /// One of the first three words, with which the fours cannot overflow.
  void add_early(const uint64_t* word, const Vector (&weight)[2]) {
    const Vector carry = add_word(word, weight);
    fours = fours ^ (twos & carry);
    twos = twos ^ carry;
  }
  Vector total() const {
    const auto twice = [](Vector bytes) { return add_bytes(bytes, bytes); };
    Vector low = add_bytes(twice(count_bytes(fours)), count_bytes(twos));
    low = add_bytes(twice(low), count_bytes(ones));
    return sum_bytes(low, eights);
  }
};

/// Words whose eights a byte can count: eight bits for each four words.
constexpr int64_t most_words = 255 / 8 * 4;

/// One vector of outputs and at most most_words words.
template <int Pixels>
[[gnu::always_inline]] inline void count_lanes(const uint64_t* activations, int64_t pixel_stride,
                                               const int64_t* offsets, int64_t words, const uint32_t* weights,
                                               Vector (&counts)[Pixels]) {
  const auto load_weight = [&weights](Vector(&weight)[2]) {
    weight[0] = Vector::load(weights);
    weight[1] = Vector::load(weights + xnor_panel);
    weights += 2 * xnor_panel;
  };
  CarrySaveCounter counters[Pixels];
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) counters[p].clear();
  int64_t k = 0;
  for (; k < words % 4; ++k) {
    Vector weight[2];
    load_weight(weight);
    KONES_UNROLL for (int p = 0; p < Pixels; ++p) counters[p].add_early(
        activations + offsets[k] + p * pixel_stride, weight);
  }
  for (; k < words; k += 4) {
    Vector weight[4][2];
    KONES_UNROLL for (int i = 0; i < 4; ++i) load_weight(weight[i]);
    KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
      CarrySaveCounter& counter = counters[p];
      const auto carry = [&](int i) {
        return counter.add_word(activations + offsets[k + i] + p * pixel_stride, weight[i]);
      };
      const Vector twos0 = carry(0);
      const Vector fours0 = add(counter.twos, twos0, carry(1));
      const Vector twos1 = carry(2);
      const Vector fours1 = add(counter.twos, twos1, carry(3));
      counter.eights = add_bytes(counter.eights, count_bytes(add(counter.fours, fours0, fours1)));
    }
  }
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) counts[p] = counters[p].total();
}

template <int Pixels>
[[gnu::always_inline]] inline void count_tile(const uint64_t* activations, int64_t pixel_stride,
                                              const int64_t* offsets, int64_t words, const uint32_t* weights,
                                              PanelIntegers (&counts)[Pixels]) {
  int64_t k = 0;
  do {
    const int64_t own_words = words - k < most_words ? words - k : most_words;
    for (int first = 0; first < xnor_panel; first += Vector::lanes) {
      Vector part[Pixels];
      count_lanes<Pixels>(activations, pixel_stride, offsets + k, own_words,
                          weights + 2 * k * xnor_panel + first, part);
      KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
        auto* sums = reinterpret_cast<uint32_t*>(&counts[p]) + first;
        if (k > 0) part[p] = part[p] + Vector::load(sums);
        __builtin_memcpy(sums, &part[p], sizeof(part[p]));
      }
    }
    k += most_words;
  } while (k < words);
}

#else

constexpr int tile_pixels = 4;

/// Bits of a word, counted in parallel (Warren, "Hacker's Delight", section 5-1).
inline uint32_t count_half(uint32_t x) {
  x -= (x >> 1) & 0x55555555u;
  x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
  x = (x + (x >> 4)) & 0x0F0F0F0Fu;
  x += x >> 8;
  x += x >> 16;
  return x & 0xFFu;
}

template <int Pixels>
[[gnu::always_inline]] inline void count_tile(const uint64_t* activations, int64_t pixel_stride,
                                              const int64_t* offsets, int64_t words, const uint32_t* weights,
                                              PanelIntegers (&counts)[Pixels]) {
  for (int p = 0; p < Pixels; ++p) {
    uint32_t sums[xnor_panel] = {};
    for (int64_t k = 0; k < words; ++k) {
      const uint64_t word = activations[offsets[k] + p * pixel_stride];
      for (int half = 0; half < 2; ++half) {
        const auto activation = static_cast<uint32_t>(word >> (32 * half));
        const uint32_t* weight = weights + (2 * k + half) * xnor_panel;
        for (int o = 0; o < xnor_panel; ++o) sums[o] += count_half(activation ^ weight[o]);
      }
    }
    for (int o = 0; o < xnor_panel; ++o) counts[p][o] = static_cast<int32_t>(sums[o]);
  }
}

#endif

}  // namespace
}  // namespace kones::kernels
