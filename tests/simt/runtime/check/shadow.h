// What the check build knows of a byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace simt::check {

/// An access by a thread.
struct Event {
  uint32_t block = 0;
  uint32_t clock = 0;  ///< 0: none
  uint32_t site = 0;   ///< return address, from the start of the executable
  uint16_t thread = 0;

  bool exists() const { return clock != 0; }
};

/// Events count only in the generation in which they were written: a launch for global memory, a block for
/// shared memory.
struct Byte {
  Event writer;
  Event readers[2];
  uint32_t generation = 0;
  bool initialised = false;
  bool writer_is_atomic = false;
  bool copy_under_way = false;
};

/// A run of bytes with shadow.
class Shadow {
 public:
  Shadow(uintptr_t start, size_t size);
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;
  ~Shadow();

  uintptr_t start() const { return start_; }
  size_t size() const { return size_; }
  Byte* at(uintptr_t address) const { return bytes_ + (address - start_); }

 private:
  uintptr_t start_;
  size_t size_;
  Byte* bytes_;  ///< pages come as they are touched, as zeros
};

}  // namespace simt::check
