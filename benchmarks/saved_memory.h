// What a forward pass leaves in memory for its gradient, counted where LibTorch's allocator reports it.
#pragma once

#include <cstdint>
#include <memory>

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

namespace kones::benchmarks {

/// Bytes of CPU memory that this thread's tensors take more than when it was made; c10's hook for memory
/// profilers.
class MemoryCounter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device device) override {
    if (device.is_cpu()) bytes_ += size;
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t bytes() const { return bytes_; }

 private:
  int64_t bytes_ = 0;
};

/// Bytes that `forward`'s result keeps alive: what it holds for its gradient, and the result itself.
template <typename Forward>
int64_t saved_bytes(const Forward& forward) {
  const auto counter = std::make_shared<MemoryCounter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
  const auto result = forward();
  return counter->bytes();
}

}  // namespace kones::benchmarks
