// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
// easy as 1, 2, 3", SC 2011, section 4.3). A number depends on the seed, the offset and the element's index
// alone, so every device, thread count and launch shape draws the same ones.
#pragma once

#include <cstdint>

#include "kones/numeric/host_device.h"

namespace kones {

/// Which random numbers a quantizer draws: in training, seed stands for run, layer and purpose, offset for
/// the step.
struct RandomStream {
  uint64_t seed = 0;
  uint64_t offset = 0;
};

struct PhiloxBlock {
  uint32_t word[4];
};

inline constexpr int philox_rounds = 10;

/// What all blocks of a stream share: the offset, and the key of each round.
struct PhiloxKeys {
  uint32_t offset[2];
  uint32_t key[philox_rounds][2];
};

KONES_HOST_DEVICE PhiloxKeys philox_keys(RandomStream stream) {
  PhiloxKeys keys = {{static_cast<uint32_t>(stream.offset), static_cast<uint32_t>(stream.offset >> 32)}, {}};
  uint32_t key0 = static_cast<uint32_t>(stream.seed);
  uint32_t key1 = static_cast<uint32_t>(stream.seed >> 32);
  for (int round = 0; round < philox_rounds; ++round) {
    keys.key[round][0] = key0;
    keys.key[round][1] = key1;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return keys;
}

/// The block of random words that elements 4 * block .. 4 * block + 3 use.
KONES_HOST_DEVICE PhiloxBlock philox_block(const PhiloxKeys& keys, uint64_t block) {
  uint32_t counter[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), keys.offset[0],
                         keys.offset[1]};
#if defined(__CUDACC__)
#pragma unroll
#endif
  for (int round = 0; round < philox_rounds; ++round) {
    const uint64_t product0 = static_cast<uint64_t>(0xD2511F53u) * counter[0];
    const uint64_t product1 = static_cast<uint64_t>(0xCD9E8D57u) * counter[2];
    counter[0] = static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ keys.key[round][0];
    counter[1] = static_cast<uint32_t>(product1);
    counter[2] = static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ keys.key[round][1];
    counter[3] = static_cast<uint32_t>(product0);
  }
  return {{counter[0], counter[1], counter[2], counter[3]}};
}

KONES_HOST_DEVICE PhiloxBlock philox_block(RandomStream stream, uint64_t block) {
  return philox_block(philox_keys(stream), block);
}

/// A random word as a float32 in [0, 1): a multiple of 2^-24.
KONES_HOST_DEVICE float uniform_from_word(uint32_t word) {
  // By way of a signed integer, which every vector unit converts.
  return static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-24f;
}

}  // namespace kones
