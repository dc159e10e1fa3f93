// Which accesses are ordered: a vector clock over the threads of a block, kept in parts.
//
// A thread's clock ticks at every barrier, __syncwarp and fence. A barrier makes all that the block did
// before known to each of its threads; __syncwarp does so among its lanes. Between blocks, and between warps
// without a barrier, there is only CUDA's message passing: write, __threadfence, atomic on one side, and
// atomic on the same address, __threadfence, read on the other (PTX ISA, "Memory consistency model": release
// and acquire patterns).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "simt/memory.h"

namespace simt::check {

/// For each thread of a block, the clock up to which its accesses are known.
using View = std::vector<uint32_t>;

/// What is known of blocks, by their number. Views are shared and not changed.
class Knowledge {
 public:
  void learn(uint32_t block, const std::shared_ptr<const View>& view);
  void learn(const Knowledge& other);
  bool covers(uint32_t block, uint32_t thread, uint32_t clock) const;
  bool empty() const { return views_.empty(); }
  void clear() { views_.clear(); }

 private:
  std::map<uint32_t, std::shared_ptr<const View>> views_;
};

class Clocks {
 public:
  void start_launch();
  void start_block(uint32_t block, size_t threads);

  void barrier();
  void warp_barrier(uint32_t thread, unsigned mask);
  void fence(uint32_t thread, FenceScope scope);
  /// An atomic by `thread` at `address`: hands on what the thread has published by a fence, and takes what is
  /// there, to be known after the thread's next fence.
  void atomic(uint32_t thread, uintptr_t address);

  uint32_t now(uint32_t thread) const { return threads_[thread].clock; }
  /// Whether the access by `thread` of `block` at `clock` is ordered before what thread `me` of this block
  /// does now.
  bool is_before(uint32_t block, uint32_t thread, uint32_t clock, uint32_t me) const;

 private:
  struct ThreadClock {
    uint32_t clock = 1;
    std::array<uint32_t, 32> warp{};  ///< known clocks of the warp's lanes
    Knowledge acquired;               ///< of other blocks and warps
    Knowledge pending;                ///< read from atomics, not yet fenced
    Knowledge published_device;
    Knowledge published_block;
  };
  struct Message {
    Knowledge device;
    std::map<uint32_t, Knowledge> block;  ///< for readers of that block only
  };

  std::shared_ptr<const View> view_of(uint32_t thread) const;

  uint32_t block_ = 0;
  std::vector<ThreadClock> threads_;
  View at_barrier_;
  bool messages_ = false;  ///< a fence or message has been seen in this block
  Knowledge block_acquired_;
  Knowledge block_pending_;
  Knowledge block_published_device_;
  Knowledge block_published_block_;
  std::unordered_map<uintptr_t, Message> messages_at_;
};

}  // namespace simt::check
