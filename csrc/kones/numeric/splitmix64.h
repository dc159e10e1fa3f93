// Derives independent seeds from small integers: SplitMix64 (Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", OOPSLA 2014, figure 16).
#pragma once

#include <cstdint>
#include <initializer_list>

namespace kones {

inline uint64_t splitmix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

/// One seed for a sequence of integers: h = 0; for each v: h = splitmix64(h xor v).
inline uint64_t splitmix64_of(std::initializer_list<uint64_t> values) {
  uint64_t hash = 0;
  for (const uint64_t value : values) hash = splitmix64(hash ^ value);
  return hash;
}

/// What a layer's random numbers are for; the last of the integers that a training seed is made of.
enum class RandomPurpose : uint64_t { weight = 0, activation = 1, gradient = 2 };

/// The Philox seed of a layer in training: SplitMix64 over (run seed, layer index, purpose).
inline uint64_t layer_seed(uint64_t run_seed, uint64_t layer, RandomPurpose purpose) {
  return splitmix64_of({run_seed, layer, static_cast<uint64_t>(purpose)});
}

}  // namespace kones
