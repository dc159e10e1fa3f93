#include "simt/runtime/check/clocks.h"

#include <algorithm>

namespace simt::check {

void Knowledge::learn(uint32_t block, const std::shared_ptr<const View>& view) {
  std::shared_ptr<const View>& mine = views_[block];
  if (mine == view) return;
  if (mine == nullptr) {
    mine = view;
    return;
  }
  auto joined = std::make_shared<View>(*mine);
  bool more = false;
  for (size_t i = 0; i < joined->size(); ++i) {
    if ((*view)[i] <= (*joined)[i]) continue;
    (*joined)[i] = (*view)[i];
    more = true;
  }
  if (more) mine = joined;
}

void Knowledge::learn(const Knowledge& other) {
  for (const auto& [block, view] : other.views_) learn(block, view);
}

bool Knowledge::covers(uint32_t block, uint32_t thread, uint32_t clock) const {
  const auto found = views_.find(block);
  return found != views_.end() && clock <= (*found->second)[thread];
}

void Clocks::start_launch() {
  messages_at_.clear();
}

void Clocks::start_block(uint32_t block, size_t threads) {
  block_ = block;
  threads_.assign(threads, ThreadClock{});
  at_barrier_.assign(threads, 0);
  messages_ = false;
  block_acquired_.clear();
  block_pending_.clear();
  block_published_device_.clear();
  block_published_block_.clear();
}

void Clocks::barrier() {
  for (size_t i = 0; i < threads_.size(); ++i) {
    ThreadClock& thread = threads_[i];
    at_barrier_[i] = thread.clock++;
    if (!messages_) continue;
    block_acquired_.learn(thread.acquired);
    block_pending_.learn(thread.pending);
    block_published_device_.learn(thread.published_device);
    block_published_block_.learn(thread.published_block);
  }
}

void Clocks::warp_barrier(uint32_t thread, unsigned mask) {
  const uint32_t first = thread / 32 * 32;
  std::array<uint32_t, 32> joined{};
  Knowledge acquired;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if ((mask >> lane & 1u) == 0) continue;
    const ThreadClock& one = threads_[first + lane];
    for (size_t i = 0; i < 32; ++i) joined[i] = std::max(joined[i], one.warp[i]);
    joined[lane] = std::max(joined[lane], one.clock);
    if (messages_) acquired.learn(one.acquired);
  }
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if ((mask >> lane & 1u) == 0) continue;
    ThreadClock& one = threads_[first + lane];
    one.warp = joined;
    if (messages_) one.acquired = acquired;
    ++one.clock;
  }
}

std::shared_ptr<const View> Clocks::view_of(uint32_t thread) const {
  auto view = std::make_shared<View>(at_barrier_);
  const uint32_t first = thread / 32 * 32;
  for (uint32_t lane = 0; lane < 32 && first + lane < view->size(); ++lane) {
    (*view)[first + lane] = std::max((*view)[first + lane], threads_[thread].warp[lane]);
  }
  (*view)[thread] = threads_[thread].clock;
  return view;
}

void Clocks::fence(uint32_t thread, FenceScope scope) {
  messages_ = true;
  ThreadClock& mine = threads_[thread];
  // The fence ends an acquire pattern: what atomics have read counts from here on …
  mine.acquired.learn(mine.pending);
  mine.acquired.learn(block_pending_);
  // … and begins a release pattern: what is known here may be handed on by atomics.
  Knowledge known;
  known.learn(block_, view_of(thread));
  known.learn(mine.acquired);
  known.learn(block_acquired_);
  mine.published_block.learn(known);
  if (scope == FenceScope::device) mine.published_device.learn(known);
  ++mine.clock;
}

void Clocks::atomic(uint32_t thread, uintptr_t address) {
  ThreadClock& mine = threads_[thread];
  const auto found = messages_at_.find(address);
  if (found != messages_at_.end()) {
    messages_ = true;
    mine.pending.learn(found->second.device);
    const auto own = found->second.block.find(block_);
    if (own != found->second.block.end()) mine.pending.learn(own->second);
  }
  if (mine.published_block.empty() && block_published_block_.empty()) return;
  Message& message = messages_at_[address];
  message.device.learn(mine.published_device);
  message.device.learn(block_published_device_);
  Knowledge& block = message.block[block_];
  block.learn(mine.published_block);
  block.learn(block_published_block_);
}

bool Clocks::is_before(uint32_t block, uint32_t thread, uint32_t clock, uint32_t me) const {
  if (block == block_) {
    if (thread == me || clock <= at_barrier_[thread]) return true;
    if (thread / 32 == me / 32 && clock <= threads_[me].warp[thread % 32]) return true;
  }
  return messages_ &&
         (threads_[me].acquired.covers(block, thread, clock) || block_acquired_.covers(block, thread, clock));
}

}  // namespace simt::check
