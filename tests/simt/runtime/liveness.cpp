#include "simt/runtime/liveness.h"

#include <ctime>

#include "simt/order.h"
#include <sched.h>

namespace simt {

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void Progress::join() {
  if (has_left_) liveness_->join();
  has_left_ = false;
}

bool Progress::is_over(bool useful) {
  if (useful) {
    join();
    fruitless_ = 0;
    return false;
  }
  constexpr unsigned between_looks = 256;  // a look at the clock costs more than a sweep
  if (++fruitless_ % between_looks != 0) return false;
  const uint64_t state = liveness_->state();
  // A block on another OS thread may be what this one waits for.
  if (Liveness::is_alive(state)) sched_yield();
  if (!has_left_) {
    has_left_ = true;
    liveness_->leave();
    seen_ = liveness_->state();
    since_ = thread_seconds();
    return false;
  }
  if (state != seen_ || Liveness::is_alive(state)) {
    seen_ = state;
    since_ = thread_seconds();
    return false;
  }
  return thread_seconds() - since_ > options().patience;
}

void Progress::end() {
  join();
  liveness_->leave();
  fruitless_ = 0;
}

}  // namespace simt
