// One block at work: its threads' states, and the scheduler that runs them on the calling OS thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "simt/barrier.h"
#include "simt/launch.h"
#include "simt/location.h"
#include "simt/order.h"
#include "simt/runtime/fiber.h"
#include "simt/runtime/liveness.h"
#include "simt/runtime/shared_memory.h"
#include "simt/warp.h"

namespace simt {

enum class State : uint8_t { fresh, ready, at_barrier, in_collective, finished };

/// A copy that the kernel has started and not waited for.
struct PendingCopy {
  void* shared;
  const void* global;
  size_t size;
  size_t source_size;
  int group;
};

/// A CUDA thread.
struct Thread {
  uint3 index{};
  unsigned number = 0;  ///< in its block, x fastest
  Context context;
  char* stack = nullptr;
  Location waits_at;  ///< where it last met a barrier or collective
  const char* waits_for = nullptr;
  const void* barrier_site = nullptr;  ///< where the last barrier returns to
  bool predicate = false;
  std::vector<PendingCopy> copies;
  int copy_group = 0;
  unsigned fruitless = 0;  ///< since it last let others run: atomics without effect
  unsigned fruitful = 0;   ///< and with one
  const void* volatile_read = nullptr;

  int lane() const { return static_cast<int>(number % 32); }
  unsigned warp() const { return number / 32; }
};

/// A warp collective that lanes are gathering for.
struct Gathering {
  WarpFunction function;
  const char* name;
  Location at;
  unsigned mask;
  unsigned arrived;
  std::array<void*, 32> operands;
};

struct Warp {
  unsigned exists = 0;    ///< lanes that the block has
  unsigned finished = 0;  ///< lanes that have ended
  std::vector<Gathering> gatherings;
};

/// The block that an OS thread runs. Its memory is kept for the next one.
class Block {
 public:
  /// Runs block `index` to its end. Throws Error with the first report.
  void run(const Launch& launch, dim3 index, uint64_t linear_index, Progress& liveness);

  // What the running thread calls.
  int barrier(BarrierResult result, bool predicate, Location at, const void* site);
  void collective(const char* name, unsigned mask, void* operands, WarpFunction function, MemoryOrder order,
                  Location at);
  /// The running thread has found memory as it was, which it may be waiting for, at `site`. Lets others run
  /// at every `patience`th call.
  void spin(const char* what, unsigned patience, const void* site);
  /// The running thread has changed memory by an atomic.
  void advance();
  [[noreturn]] void fail(const char* text);

  Thread& current() { return *current_; }
  bool is_running() const { return current_ != nullptr; }
  const Launch& launch() const { return *launch_; }
  /// A number that changes when a thread ends, and where threads have met.
  uint64_t progress() const { return progress_; }
  uint64_t linear_index() const { return linear_index_; }
  size_t size() const { return size_; }
  SharedMemory& shared() { return shared_; }

  /// "block (x,y,z) thread (x,y,z)".
  std::string place(const Thread& thread) const;
  /// The same with the barrier or collective where it waits.
  std::string wait_place(const Thread& thread) const;

 private:
  static void start(void* block);
  void prepare_threads();
  void arrange_sweep();
  void resume(Thread& thread);
  void suspend(bool last);
  void finish_current();
  void release_barrier();
  void report_stuck();
  void report_spinning();
  void raise(const std::string& text);
  State& state(const Thread& thread) { return states_[thread.number]; }

  const Launch* launch_ = nullptr;
  dim3 index_;
  uint64_t linear_index_ = 0;
  size_t size_ = 0;
  std::vector<Thread> threads_;
  std::vector<State> states_;
  std::vector<Warp> warps_;
  std::vector<unsigned> sweep_;
  std::mt19937 random_;
  Thread* current_ = nullptr;
  Context scheduler_;
  StackPool stacks_;
  SharedMemory shared_;
  std::array<char, 4096> report_{};
  size_t unfinished_ = 0;
  uint64_t progress_ = 0;
  bool has_spun_ = false;  ///< the thread that ran last has only let others run

  // The barrier that threads are waiting at.
  size_t barrier_waiting_ = 0;
  size_t barrier_votes_ = 0;
  const Thread* barrier_first_ = nullptr;
  size_t barrier_result_votes_ = 0;
};

/// The calling OS thread's block.
Block& this_block();
/// The same if a thread of it is running, else null.
Block* running_block();

}  // namespace simt
