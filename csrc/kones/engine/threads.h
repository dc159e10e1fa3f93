// Work spread over threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace kones::engine {

/// The numbers 0 .. count - 1, given out in chunks to whichever thread asks.
class ChunkQueue {
 public:
  ChunkQueue(int64_t count, int64_t chunk) : count_(count), chunk_(chunk) {}

  /// The next chunk, begin .. end - 1; false when there is none.
  bool take(int64_t& begin, int64_t& end);

 private:
  const int64_t count_;
  const int64_t chunk_;
  std::atomic<int64_t> next_{0};
};

/// Runs `work` on `threads` threads at once, the calling one among them, and waits for all. What the first of
/// them to fail threw is thrown here. A thread that the system refuses is done without.
void run_on_threads(int threads, const std::function<void()>& work);

}  // namespace kones::engine
