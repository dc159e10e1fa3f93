#include "kones/engine/threads.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace kones::engine {

bool ChunkQueue::take(int64_t& begin, int64_t& end) {
  begin = next_.fetch_add(chunk_);
  end = std::min(begin + chunk_, count_);
  return begin < count_;
}

void run_on_threads(int threads, const std::function<void()>& work) {
  std::mutex mutex;
  std::exception_ptr first_failure;
  const auto guarded = [&] {
    try {
      work();
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!first_failure) first_failure = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  others.reserve(static_cast<std::size_t>(std::max(threads - 1, 0)));
  try {
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(guarded);
  } catch (const std::system_error&) {
    // The work goes on with the threads that there are.
  }
  guarded();
  for (std::thread& other : others) other.join();
  if (first_failure) std::rethrow_exception(first_failure);
}

}  // namespace kones::engine
