// A 64-bit hash of bytes, to notice that they changed. Stored in files: its values stay.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kones/numeric/splitmix64.h"

namespace kones {

/// Goes on from `hash` with the size, and then each 8 bytes as one word of the machine: h = splitmix64(h xor
/// word).
inline uint64_t hash_bytes(uint64_t hash, const void* bytes, size_t size) {
  const char* next = static_cast<const char*>(bytes);
  hash = splitmix64(hash ^ size);
  for (size_t done = 0; done < size; done += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, next + done, std::min(sizeof(word), size - done));
    hash = splitmix64(hash ^ word);
  }
  return hash;
}

}  // namespace kones
