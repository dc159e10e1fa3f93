// Philox4x32-10 and the numbers that an element draws, written from their definitions: Salmon et al., SC
// 2011, section 4.3, and docs/design.md, section 3. Shares nothing with kones/numeric/philox.h.
#pragma once

#include <array>
#include <cstdint>

namespace kones {

using Words = std::array<uint32_t, 4>;

/// R rounds: with (hi0, lo0) = M0 * c0, (hi1, lo1) = M1 * c2, a round makes (hi1 ^ c1 ^ k0, lo1, hi0 ^ c3 ^
/// k1, lo0) of (c0, c1, c2, c3); the keys of round r are k0 + r * W0 and k1 + r * W1.
inline Words reference_philox(const Words& counter, uint32_t key0, uint32_t key1, int rounds = 10) {
  if (rounds == 0) return counter;
  const Words c = reference_philox(counter, key0, key1, rounds - 1);
  const auto r = static_cast<uint32_t>(rounds - 1);
  const uint64_t m0 = uint64_t{3528531795} * c[0];
  const uint64_t m1 = uint64_t{3449720151} * c[2];
  const uint64_t two32 = uint64_t{1} << 32;
  return {
      static_cast<uint32_t>(m1 / two32) ^ c[1] ^ (key0 + r * 2654435769u), static_cast<uint32_t>(m1 % two32),
      static_cast<uint32_t>(m0 / two32) ^ c[3] ^ (key1 + r * 3144134277u), static_cast<uint32_t>(m0 % two32)};
}

/// The word of element i: number i mod 4 of the block with counter {lo(i/4), hi(i/4), lo(offset), hi(offset)}
/// and key {lo(seed), hi(seed)}.
inline uint32_t reference_word(uint64_t seed, uint64_t offset, uint64_t element) {
  const auto low = [](uint64_t value) { return static_cast<uint32_t>(value % (uint64_t{1} << 32)); };
  const auto high = [](uint64_t value) { return static_cast<uint32_t>(value / (uint64_t{1} << 32)); };
  const uint64_t block = element / 4;
  return reference_philox({low(block), high(block), low(offset), high(offset)}, low(seed),
                          high(seed))[element % 4];
}

/// u = (word >> 8) * 2^-24.
inline double reference_uniform(uint64_t seed, uint64_t offset, uint64_t element) {
  return (reference_word(seed, offset, element) / 256) / 16777216.0;
}

}  // namespace kones
