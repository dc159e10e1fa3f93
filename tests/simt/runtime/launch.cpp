#include "simt/launch.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>

#include "simt/error.h"
#include "simt/order.h"
#include "simt/runtime/argument_names.h"
#include "simt/runtime/block.h"
#include "simt/runtime/check/check.h"
#include "simt/runtime/fault.h"
#include "simt/runtime/last_error.h"
#include "simt/runtime/limits.h"
#include "simt/runtime/liveness.h"
#include "simt/runtime/record.h"
#include "simt/runtime/symbols.h"
#include "simt/runtime/watchdog.h"
#include "simt/runtime/workers.h"

namespace simt {
namespace {

/// Which block comes at place `place` in the order of blocks. The random orders step through the grid by a
/// stride that has no factor in common with its size, and so meet each block once.
class BlockOrder {
 public:
  explicit BlockOrder(uint64_t count) : count_(count) {
    if (options().order != Order::random || count < 2) return;
    std::mt19937_64 random(options().seed + 1);
    first_ = random() % count;
    do {
      stride_ = 1 + random() % (count - 1);
    } while (std::gcd(stride_, count) != 1);
  }

  uint64_t block_at(uint64_t place) const {
    if (options().order == Order::forward) return place;
    if (options().order == Order::reverse) return count_ - 1 - place;
    return static_cast<uint64_t>((static_cast<unsigned __int128>(place) * stride_ + first_) % count_);
  }

 private:
  uint64_t count_;
  uint64_t first_ = 0;
  uint64_t stride_ = 1;
};

#if defined(SIMT_CHECK) || defined(__SANITIZE_ADDRESS__)
constexpr bool one_worker_only = true;
#else
constexpr bool one_worker_only = false;
#endif

int worker_count(uint64_t blocks, uint64_t threads) {
  // Waking another OS thread costs about as much as running this many CUDA threads.
  constexpr uint64_t worth_a_worker = 512;
  if (one_worker_only || !options().record.empty()) return 1;
  const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
  const uint64_t wanted = options().workers > 0 ? static_cast<uint64_t>(options().workers) : processors;
  return static_cast<int>(std::max<uint64_t>(1, std::min({wanted, blocks, threads / worth_a_worker})));
}

void run_all_blocks(const Launch& launch) {
  const dim3 grid = launch.grid;
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  const uint64_t threads = blocks * launch.block.x * launch.block.y * launch.block.z;
  const BlockOrder order(blocks);
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::string report;
  // Blocks are taken several at a time where there are many, so that small ones do not contend for the
  // counter.
  const int workers = worker_count(blocks, threads);
  const uint64_t chunk =
      std::max<uint64_t>(1, std::min<uint64_t>(32, blocks / (static_cast<uint64_t>(workers) * 8)));
  Liveness liveness(workers);
  run_on_workers(workers, [&] {
    prepare_fault_stack();
    const Watchdog watchdog;
    Progress progress;
    progress.start(liveness);
    try {
      for (uint64_t first = next.fetch_add(chunk); first < blocks && !failed; first = next.fetch_add(chunk)) {
        for (uint64_t place = first; place < std::min(blocks, first + chunk); ++place) {
          const uint64_t block = order.block_at(place);
          const dim3 index(static_cast<unsigned>(block % grid.x),
                           static_cast<unsigned>(block / grid.x % grid.y),
                           static_cast<unsigned>(block / grid.x / grid.y));
          this_block().run(launch, index, block, progress);
        }
      }
    } catch (const std::exception& error) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!failed) report = error.what();
      failed = true;
    }
    progress.end();
  });
  if (failed) throw Error(std::string(launch.name) + ": " + report);
}

}  // namespace

cudaError_t run(const Launch& launch) {
  static std::mutex one_launch_at_a_time;
  const std::lock_guard<std::mutex> lock(one_launch_at_a_time);
  Launch named = launch;
  // An expression is no name: the kernel's own is.
  const std::string name = launch.name[0] == '(' ? function_name(launch.kernel) : launch.name;
  named.name = name.c_str();
  named.text = take_launch_text();
  const Refusal refusal = check_limits(named);
  if (refusal.error != cudaSuccess) {
    std::fprintf(stderr, "%s: INVALID LAUNCH: %s\n", named.name, refusal.reason.c_str());
    set_last_error(refusal.error);
    return refusal.error;
  }
  static const bool faults_are_reported = (report_faults(), true);
  static_cast<void>(faults_are_reported);
  check::start_launch(named);
  Recording recording(named);
  run_all_blocks(named);
  recording.finish();
  return cudaSuccess;
}

}  // namespace simt
