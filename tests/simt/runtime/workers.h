// The OS threads that run blocks.
#pragma once

#include <functional>

namespace simt {

/// Runs `work` on `count` OS threads at once, the calling one among them, and returns when all are done. The
/// threads stay for the next call. One call at a time.
void run_on_workers(int count, const std::function<void()>& work);

}  // namespace simt
