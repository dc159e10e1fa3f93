// The memory that a call may hold at once.
#pragma once

#include <cstddef>

namespace kones::fuzz {

/// While it lives, the process ends as soon as more than `bytes` allocated since then are held at once. One
/// at a time, in one thread.
class MemoryBound {
 public:
  explicit MemoryBound(std::size_t bytes);
  ~MemoryBound();
  MemoryBound(const MemoryBound&) = delete;
  MemoryBound& operator=(const MemoryBound&) = delete;

  /// The most bytes held at once so far.
  static std::size_t most_held();
};

}  // namespace kones::fuzz
