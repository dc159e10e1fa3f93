// Many blocks of random words at once, with the instruction set that the including file is compiled for.
// Philox's 32-bit numbers lie in the low halves of 64-bit lanes, where one instruction multiplies them to 64
// bits; what is left in the high halves is never looked at. (The rounds: kones/numeric/philox.h.)
#pragma once

#include <cstdint>

#include "kones/numeric/philox.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace kones::kernels {
namespace {

#if defined(__AVX512F__)

using PhiloxVectorKeys = PhiloxKeys;

/// Eight blocks in each of `Vectors` vectors, computed side by side to hide the latency of the
/// multiplications.
template <int Vectors>
inline void philox_vectors(const PhiloxKeys& keys, RandomStream stream, uint64_t first_block,
                           uint32_t* words) {
  const __m512i multiplier0 = _mm512_set1_epi64(0xD2511F53);
  const __m512i multiplier1 = _mm512_set1_epi64(0xCD9E8D57);
  __m512i c0[Vectors], c1[Vectors], c2[Vectors], c3[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    const __m512i block = _mm512_add_epi64(_mm512_set1_epi64(static_cast<int64_t>(first_block + 8u * v)),
                                           _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
    c0[v] = block;
    c1[v] = _mm512_srli_epi64(block, 32);
    c2[v] = _mm512_set1_epi64(static_cast<int64_t>(stream.offset));
    c3[v] = _mm512_set1_epi64(static_cast<int64_t>(stream.offset >> 32));
  }
  // Unrolled, a round's results are the next one's operands where they are.
#pragma GCC unroll 10
  for (int round = 0; round < philox_rounds; ++round) {
    const __m512i k0 = _mm512_set1_epi64(keys.key[round][0]);
    const __m512i k1 = _mm512_set1_epi64(keys.key[round][1]);
    for (int v = 0; v < Vectors; ++v) {
      const __m512i product0 = _mm512_mul_epu32(c0[v], multiplier0);
      const __m512i product1 = _mm512_mul_epu32(c2[v], multiplier1);
      c0[v] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(product1, 32), c1[v], k0, 0x96);  // three-way xor
      c1[v] = product1;
      c2[v] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(product0, 32), c3[v], k1, 0x96);
      c3[v] = product0;
    }
  }
  const __m512i first_half = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
  const __m512i second_half = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);
  for (int v = 0; v < Vectors; ++v) {
    const __m512i words01 = _mm512_mask_blend_epi32(0xAAAA, c0[v], _mm512_slli_epi64(c1[v], 32));
    const __m512i words23 = _mm512_mask_blend_epi32(0xAAAA, c2[v], _mm512_slli_epi64(c3[v], 32));
    _mm512_storeu_si512(words + 32 * v, _mm512_permutex2var_epi64(words01, first_half, words23));
    _mm512_storeu_si512(words + 32 * v + 16, _mm512_permutex2var_epi64(words01, second_half, words23));
  }
}

constexpr int64_t philox_vector_blocks = 8;
constexpr int philox_vectors_at_once = 4;

#elif defined(__AVX2__)

/// The rounds' keys, in every lane: read from the first-level cache, where sixteen registers are too few to
/// keep them.
struct PhiloxVectorKeys {
  explicit PhiloxVectorKeys(const PhiloxKeys& keys) {
    for (int round = 0; round < philox_rounds; ++round) {
      for (int word = 0; word < 2; ++word) vector[round][word] = _mm256_set1_epi64x(keys.key[round][word]);
    }
  }

  __m256i vector[philox_rounds][2];
};

/// Four blocks in each of `Vectors` vectors, computed side by side to hide the latency of the
/// multiplications.
template <int Vectors>
inline void philox_vectors(const PhiloxVectorKeys& keys, RandomStream stream, uint64_t first_block,
                           uint32_t* words) {
  const __m256i multiplier0 = _mm256_set1_epi64x(0xD2511F53);
  const __m256i multiplier1 = _mm256_set1_epi64x(0xCD9E8D57);
  __m256i c0[Vectors], c1[Vectors], c2[Vectors], c3[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    const __m256i block = _mm256_add_epi64(_mm256_set1_epi64x(static_cast<int64_t>(first_block + 4u * v)),
                                           _mm256_set_epi64x(3, 2, 1, 0));
    c0[v] = block;
    c1[v] = _mm256_srli_epi64(block, 32);
    c2[v] = _mm256_set1_epi64x(static_cast<int64_t>(stream.offset));
    c3[v] = _mm256_set1_epi64x(static_cast<int64_t>(stream.offset >> 32));
  }
  // Unrolled, a round's results are the next one's operands where they are.
#pragma GCC unroll 10
  for (int round = 0; round < philox_rounds; ++round) {
    const __m256i k0 = _mm256_load_si256(&keys.vector[round][0]);
    const __m256i k1 = _mm256_load_si256(&keys.vector[round][1]);
    for (int v = 0; v < Vectors; ++v) {
      const __m256i product0 = _mm256_mul_epu32(c0[v], multiplier0);
      const __m256i product1 = _mm256_mul_epu32(c2[v], multiplier1);
      c0[v] = _mm256_xor_si256(_mm256_xor_si256(c1[v], k0), _mm256_srli_epi64(product1, 32));
      c1[v] = product1;
      c2[v] = _mm256_xor_si256(_mm256_xor_si256(c3[v], k1), _mm256_srli_epi64(product0, 32));
      c3[v] = product0;
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    const __m256i words01 = _mm256_blend_epi32(c0[v], _mm256_slli_epi64(c1[v], 32), 0xAA);
    const __m256i words23 = _mm256_blend_epi32(c2[v], _mm256_slli_epi64(c3[v], 32), 0xAA);
    const __m256i even = _mm256_unpacklo_epi64(words01, words23);
    const __m256i odd = _mm256_unpackhi_epi64(words01, words23);
    auto* out = reinterpret_cast<__m256i*>(words + 16 * v);
    _mm256_storeu_si256(out, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256(out + 1, _mm256_permute2x128_si256(even, odd, 0x31));
  }
}

constexpr int64_t philox_vector_blocks = 4;
constexpr int philox_vectors_at_once = 4;

#endif

/// words[4 * b + w] = word w of block first_block + b, for b in [0, blocks).
inline void philox_words(RandomStream stream, uint64_t first_block, uint32_t* words, int64_t blocks) {
  const PhiloxKeys keys = philox_keys(stream);
  int64_t block = 0;
#if defined(__AVX2__)
  const PhiloxVectorKeys vector_keys(keys);
  constexpr int64_t at_once = philox_vectors_at_once * philox_vector_blocks;
  for (; blocks - block >= at_once; block += at_once) {
    philox_vectors<philox_vectors_at_once>(vector_keys, stream, first_block + static_cast<uint64_t>(block),
                                           words + 4 * block);
  }
  for (; blocks - block >= philox_vector_blocks; block += philox_vector_blocks) {
    philox_vectors<1>(vector_keys, stream, first_block + static_cast<uint64_t>(block), words + 4 * block);
  }
#endif
  for (; block < blocks; ++block) {
    const PhiloxBlock random = philox_block(keys, first_block + static_cast<uint64_t>(block));
    for (int word = 0; word < 4; ++word) words[4 * block + word] = random.word[word];
  }
}

}  // namespace
}  // namespace kones::kernels
