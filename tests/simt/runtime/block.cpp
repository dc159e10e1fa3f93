#include "simt/runtime/block.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>

#include "simt/async_copy.h"
#include "simt/error.h"
#include "simt/runtime/check/check.h"
#include "simt/runtime/symbols.h"
#include "simt/thread.h"

__thread uint3 threadIdx;
__thread uint3 blockIdx;
__thread dim3 blockDim;
__thread dim3 gridDim;

namespace simt {

__thread int lane = 0;

Block& this_block() {
  static thread_local Block block;
  return block;
}

namespace {

std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string text(const char* format, ...) {
  char buffer[4096];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  return buffer;
}

// Built on a thread's stack that a report then leaves as it stands, so not a string.
struct Line {
  char characters[512];
};

Line line_of(const Location& at) {
  Line line;
  if (at.return_address != nullptr) {
    std::snprintf(line.characters, sizeof(line.characters), "%s", source_line(at.return_address).c_str());
  } else {
    std::snprintf(line.characters, sizeof(line.characters), "%s:%d", at.file, at.line);
  }
  return line;
}

/// The line of a call and those of the inlined functions around it.
Line calls_of(const Location& at, const void* site) {
  Line line = line_of(at);
  const std::vector<std::string> calls = source_lines(site);
  for (size_t i = 1; i < calls.size(); ++i) {
    const size_t used = std::strlen(line.characters);
    std::snprintf(line.characters + used, sizeof(line.characters) - used, ", called at %s", calls[i].c_str());
  }
  return line;
}

/// Whether two machine instructions are one call in the source: a compiler may double it.
bool same_call(const void* a, const void* b) {
  if (a == b) return true;
  static thread_local std::map<std::pair<const void*, const void*>, bool> known;
  const auto [found, is_new] = known.try_emplace({a, b}, false);
  if (is_new) found->second = source_lines(a) == source_lines(b);
  return found->second;
}

}  // namespace

Block* running_block() {
  Block& block = this_block();
  return block.is_running() ? &block : nullptr;
}

void fail(const char* format, ...) {
  char buffer[2048];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  if (Block* block = running_block()) block->fail(buffer);
  throw Error(buffer);
}

std::string Block::place(const Thread& thread) const {
  return text("block (%u,%u,%u) thread (%u,%u,%u)", index_.x, index_.y, index_.z, thread.index.x,
              thread.index.y, thread.index.z);
}

std::string Block::wait_place(const Thread& thread) const {
  if (thread.waits_at.file == nullptr) return place(thread);
  return place(thread) + text(" in %s at %s", thread.waits_for, line_of(thread.waits_at).characters);
}

void Block::prepare_threads() {
  const dim3 shape = launch_->block;
  size_ = size_t{shape.x} * shape.y * shape.z;
  threads_.resize(std::max(threads_.size(), size_));
  states_.assign(size_, State::fresh);
  warps_.resize((size_ + 31) / 32);
  for (size_t w = 0; w < warps_.size(); ++w) {
    const size_t lanes = std::min<size_t>(32, size_ - 32 * w);
    warps_[w].exists = lanes == 32 ? 0xFFFFFFFFu : (1u << lanes) - 1u;
    warps_[w].finished = 0;
    warps_[w].gatherings.clear();
  }
  unsigned number = 0;
  for (unsigned z = 0; z < shape.z; ++z) {
    for (unsigned y = 0; y < shape.y; ++y) {
      for (unsigned x = 0; x < shape.x; ++x, ++number) {
        Thread& thread = threads_[number];
        thread.index = {x, y, z};
        thread.number = number;
        thread.waits_at = {};
        thread.waits_for = nullptr;
        thread.copies.clear();
        thread.copy_group = 0;
        thread.fruitless = 0;
        thread.fruitful = 0;
      }
    }
  }
  unfinished_ = size_;
  barrier_waiting_ = 0;
  barrier_votes_ = 0;
  barrier_first_ = nullptr;
}

/// The order in which the next sweep looks at the threads. A random one is drawn anew for every sweep.
void Block::arrange_sweep() {
  const Order order = options().order;
  if (sweep_.size() != size_ || order == Order::random) {
    sweep_.resize(size_);
    for (size_t i = 0; i < size_; ++i) sweep_[i] = static_cast<unsigned>(i);
  }
  if (order != Order::random) {
    const bool ascending = sweep_.front() <= sweep_.back();
    if (ascending != (order == Order::forward)) std::reverse(sweep_.begin(), sweep_.end());
    return;
  }
  for (size_t i = size_; i > 1; --i) std::swap(sweep_[i - 1], sweep_[random_() % i]);
}

void Block::run(const Launch& launch, dim3 index, uint64_t linear_index, Progress& liveness) {
  launch_ = &launch;
  index_ = index;
  linear_index_ = linear_index;
  report_[0] = '\0';
  random_.seed(static_cast<uint32_t>(options().seed * 0x9E3779B97F4A7C15u >> 32) +
               static_cast<uint32_t>(linear_index));
  shared_.start_block(launch);
  prepare_threads();
  check::start_block(*this);
  ::blockIdx = {index.x, index.y, index.z};
  ::blockDim = launch.block;
  ::gridDim = launch.grid;
  while (unfinished_ > 0) {
    arrange_sweep();
    bool moved = false;
    bool useful = false;
    for (const unsigned number : sweep_) {
      if (states_[number] != State::fresh && states_[number] != State::ready) continue;
      moved = true;
      has_spun_ = false;
      resume(threads_[number]);
      useful = useful || !has_spun_;
      if (report_[0] != '\0') raise(report_.data());
    }
    if (!moved) report_stuck();
    if (liveness.is_over(useful)) report_spinning();
  }
}

void Block::start(void* argument) {
  auto* block = static_cast<Block*>(argument);
  arrived(block->scheduler_);
  block->launch_->call(*block->launch_);
  block->finish_current();
}

void Block::resume(Thread& thread) {
  if (state(thread) == State::fresh) {
    thread.stack = stacks_.take();
    prepare(thread.context, thread.stack, &Block::start, this);
    state(thread) = State::ready;
  }
  current_ = &thread;
  ::threadIdx = thread.index;
  lane = thread.lane();
  switch_context(scheduler_, thread.context, false);
  current_ = nullptr;
  if (state(thread) == State::finished) {
    stacks_.give_back(thread.stack);
    thread.stack = nullptr;
  }
}

void Block::suspend(bool last) {
  switch_context(current_->context, scheduler_, last);
}

void Block::spin(const char* what, unsigned patience, const void* site) {
  Thread& thread = *current_;
  if (++thread.fruitless < patience) return;
  thread.fruitless = 0;
  thread.fruitful = 0;
  thread.waits_at = {"", 0, nullptr, site};
  thread.waits_for = what;
  has_spun_ = true;
  suspend(false);
}

void Block::advance() {
  // So often that a thread which counts the rounds that it waits does not keep the others waiting for ever.
  constexpr unsigned turn = 4096;
  Thread& thread = *current_;
  thread.fruitless = 0;
  if (++thread.fruitful < turn) return;
  thread.fruitful = 0;
  suspend(false);
}

void Block::finish_current() {
  Thread& thread = *current_;
  Warp& warp = warps_[thread.warp()];
  // A lane that is waited for can no longer come.
  for (const Gathering& gathering : warp.gatherings) {
    if (in_mask(gathering.mask, thread.lane())) {
      simt::fail("lane %d is in the mask but has exited: %s of mask %08x at %s waits for it", thread.lane(),
                 gathering.name, gathering.mask, line_of(gathering.at).characters);
    }
  }
  // Copies that nobody waited for do arrive some time; here, now.
  if (!thread.copies.empty()) copy_async_wait_all();
  warp.finished |= 1u << thread.lane();
  state(thread) = State::finished;
  --unfinished_;
  ++progress_;
  suspend(true);
}

void Block::fail(const char* message) {
  {
    // In a scope of its own, since this stack is then left as it stands.
    const std::string where = wait_place(*current_);
    std::snprintf(report_.data(), report_.size(), "%s; %s", message, where.c_str());
  }
  suspend(false);
  __builtin_unreachable();
}

void Block::raise(const std::string& message) {
  for (size_t i = 0; i < size_; ++i) {
    if (threads_[i].stack == nullptr) continue;
    stacks_.give_back(threads_[i].stack);
    threads_[i].stack = nullptr;
  }
  current_ = nullptr;
  throw Error(message);
}

int Block::barrier(BarrierResult result, bool predicate, Location at, const void* site) {
  Thread& thread = *current_;
  thread.waits_at = at;
  thread.waits_for = "__syncthreads";
  thread.barrier_site = site;
  thread.predicate = predicate;
  if (barrier_waiting_ > 0 &&
      !(barrier_first_->waits_at == at && same_call(barrier_first_->barrier_site, site))) {
    simt::fail(
        "DIVERGENT BARRIER: threads of one block wait at different barriers, this one at %s, and thread "
        "(%u,%u,%u) at %s",
        calls_of(at, site).characters, barrier_first_->index.x, barrier_first_->index.y,
        barrier_first_->index.z, calls_of(barrier_first_->waits_at, barrier_first_->barrier_site).characters);
  }
  if (barrier_waiting_ == 0) {
    barrier_first_ = &thread;
    barrier_votes_ = 0;
  }
  ++barrier_waiting_;
  if (predicate) ++barrier_votes_;
  if (barrier_waiting_ == size_) {
    release_barrier();  // the last to come goes on at once
  } else {
    state(thread) = State::at_barrier;
    suspend(false);
  }
  switch (result) {
    case BarrierResult::count:
      return static_cast<int>(barrier_result_votes_);
    case BarrierResult::all:
      return barrier_result_votes_ == size_;
    case BarrierResult::any:
      return barrier_result_votes_ != 0;
    case BarrierResult::none:
      break;
  }
  return 0;
}

void Block::release_barrier() {
  ++progress_;
  barrier_result_votes_ = barrier_votes_;
  barrier_waiting_ = 0;
  barrier_first_ = nullptr;
  for (State& one : states_) {
    if (one == State::at_barrier) one = State::ready;
  }
  check::barrier(*this);
}

/// No thread can go on, and some have not ended.
void Block::report_stuck() {
  const Thread* waits_in_warp = nullptr;
  const Thread* exited = nullptr;
  size_t exited_count = 0;
  for (size_t i = 0; i < size_; ++i) {
    if (states_[i] == State::in_collective && waits_in_warp == nullptr) waits_in_warp = &threads_[i];
    if (states_[i] != State::finished) continue;
    exited = &threads_[i];
    ++exited_count;
  }
  std::string message;
  if (waits_in_warp != nullptr && barrier_waiting_ > 0) {
    message = "DEADLOCK: some threads wait at a barrier, " + wait_place(*barrier_first_) +
              ", and others for lanes of their warp, " + wait_place(*waits_in_warp);
  } else if (waits_in_warp != nullptr) {
    message = "DEADLOCK: lanes wait for others that never come, " + wait_place(*waits_in_warp);
  } else {
    message = text("DIVERGENT BARRIER: %zu of %zu threads wait, ", barrier_waiting_, size_) +
              wait_place(*barrier_first_) +
              text(", but %zu have exited, such as thread (%u,%u,%u)", exited_count, exited->index.x,
                   exited->index.y, exited->index.z);
  }
  raise(message);
}

/// Threads could go on, but have long only found that they must wait.
void Block::report_spinning() {
  const Thread* spins = nullptr;
  size_t count = 0;
  for (size_t i = 0; i < size_; ++i) {
    if (states_[i] != State::ready) continue;
    if (spins == nullptr) spins = &threads_[i];
    ++count;
  }
  raise(text("LIVELOCK: nothing has changed for %.0f s, and %zu thread%s, ", options().patience, count,
             count == 1 ? " spins" : "s spin") +
        wait_place(*spins));
}

void Block::collective(const char* name, unsigned mask, void* operands, WarpFunction function,
                       MemoryOrder order, Location at) {
  Thread& thread = *current_;
  Warp& warp = warps_[thread.warp()];
  const int lane_number = thread.lane();
  thread.waits_at = at;
  thread.waits_for = name;
  if (!in_mask(mask, lane_number))
    simt::fail("lane %d calls %s with mask %08x, which leaves it out", lane_number, name, mask);
  if ((mask & ~warp.exists) != 0) {
    simt::fail("lane %d is in the mask but does not exist: the block's last warp has fewer lanes (mask %08x)",
               __builtin_ctz(mask & ~warp.exists), mask);
  }
  if ((mask & warp.finished) != 0) {
    simt::fail("lane %d is in the mask but has exited (mask %08x)", __builtin_ctz(mask & warp.finished),
               mask);
  }
  Gathering* mine = nullptr;
  for (Gathering& gathering : warp.gatherings) {
    if (gathering.mask == mask && gathering.at == at && gathering.function == function) {
      mine = &gathering;
    } else if (in_mask(gathering.mask, lane_number) && (gathering.arrived & mask) != 0) {
      // A lane waits for this one there, and this one would wait for that lane here.
      simt::fail(
          "DIVERGENT COLLECTIVE: lanes of one warp meet in different collectives, this one in %s of mask "
          "%08x, others in %s of mask "
          "%08x at %s",
          name, mask, gathering.name, gathering.mask, line_of(gathering.at).characters);
    }
  }
  if (mine == nullptr) {
    warp.gatherings.push_back({function, name, at, mask, 0u, {}});
    mine = &warp.gatherings.back();
  }
  mine->arrived |= 1u << lane_number;
  mine->operands[static_cast<size_t>(lane_number)] = operands;
  if (mine->arrived != mask) {
    state(thread) = State::in_collective;
    suspend(false);
    return;
  }
  // The last lane to come computes for all, and goes on at once.
  const std::array<void*, 32> gathered = mine->operands;
  ++progress_;
  function(gathered.data(), mask);
  if (order == MemoryOrder::warp) check::warp_barrier(*this, mask);
  for_each_lane(mask, [&](int i) {
    State& other = states_[32 * thread.warp() + static_cast<size_t>(i)];
    if (other == State::in_collective) other = State::ready;
  });
  *mine = warp.gatherings.back();
  warp.gatherings.pop_back();
}

int barrier(BarrierResult result, bool predicate, Location at) {
  return this_block().barrier(result, predicate, at, __builtin_return_address(0));
}

void collective(const char* name, unsigned mask, void* operands, WarpFunction function, MemoryOrder order,
                Location at) {
  this_block().collective(name, mask, operands, function, order, at);
}

void sleep() {
  if (Block* block = running_block()) block->spin("__nanosleep", 1, __builtin_return_address(0));
}

}  // namespace simt
