#include "simt/runtime/workers.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace simt {
namespace {

class Workers {
 public:
  ~Workers() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void run(int helpers, const std::function<void()>& work) {
    while (static_cast<int>(threads_.size()) < helpers) threads_.emplace_back([this] { serve(); });
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      wanted_ = helpers;
      busy_ = helpers;
    }
    wake_.notify_all();
    work();
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void serve() {
    for (;;) {
      const std::function<void()>* work = nullptr;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [this] { return ending_ || wanted_ > 0; });
        if (ending_) return;
        --wanted_;
        work = work_;
      }
      (*work)();
      const std::lock_guard<std::mutex> lock(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::vector<std::thread> threads_;
  const std::function<void()>* work_ = nullptr;
  int wanted_ = 0;
  int busy_ = 0;
  bool ending_ = false;
};

}  // namespace

void run_on_workers(int count, const std::function<void()>& work) {
  if (count <= 1) return work();
  static Workers workers;
  workers.run(count - 1, work);
}

}  // namespace simt
