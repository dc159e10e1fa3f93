// Tells a launch that waits for what never comes. Threads that spin on memory let others run (simt/memory.h,
// Block::spin); when for some seconds every thread of every running block has only spun, no other can set
// them free.
#pragma once

#include <atomic>
#include <cstdint>

namespace simt {

/// How many of a launch's OS threads are getting on, and how often that has changed.
class Liveness {
 public:
  explicit Liveness(int workers) : state_(static_cast<uint64_t>(workers)) {}

  void leave() { state_ += change - 1; }
  void join() { state_ += change + 1; }
  uint64_t state() const { return state_; }
  static bool is_alive(uint64_t state) { return state % change != 0; }

 private:
  static constexpr uint64_t change = 1u << 16;
  std::atomic<uint64_t> state_;
};

/// One OS thread's part in it.
class Progress {
 public:
  void start(Liveness& liveness) { liveness_ = &liveness; }
  /// To be called after each sweep over the block's threads; `useful`: one of them has done more than spin.
  /// Whether the launch is to be ended.
  bool is_over(bool useful);
  /// The OS thread runs no more blocks.
  void end();

 private:
  void join();

  Liveness* liveness_ = nullptr;
  uint64_t seen_ = 0;   ///< the launch's state since `since_`
  double since_ = 0.0;  ///< processor seconds
  unsigned fruitless_ = 0;
  bool has_left_ = false;
};

/// Processor seconds of the calling OS thread.
double thread_seconds();

}  // namespace simt
