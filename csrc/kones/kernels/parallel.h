// How a kernel spreads its work over its caller's threads.
#pragma once

#include <cstdint>
#include <functional>

namespace kones::kernels {

/// Runs function(begin, end) for ranges that together are 0 .. count - 1, on up to `threads` threads at once,
/// and waits for all.
struct Parallel {
  using Range = std::function<void(int64_t begin, int64_t end)>;

  int threads = 1;
  std::function<void(int64_t count, const Range& function)> run = [](int64_t count, const Range& function) {
    function(0, count);
  };
};

}  // namespace kones::kernels
