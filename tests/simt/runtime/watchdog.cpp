#include "simt/runtime/watchdog.h"

#include <cstdint>
#include <cstdio>
#include <ctime>

#include "simt/order.h"
#include "simt/runtime/block.h"
#include "simt/runtime/symbols.h"
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

namespace simt {
namespace {

// Processor time without progress is looked at so often within Options::patience.
constexpr double looks = 4.0;

thread_local uint64_t last_progress = 0;
thread_local int looks_without_progress = 0;

// The program is about to end, so what is not safe in a signal handler is worth the risk for what it tells.
void look(int, siginfo_t*, void* context) {
  Block* const block = running_block();
  if (block == nullptr || block->progress() != last_progress) {
    last_progress = block == nullptr ? 0 : block->progress();
    looks_without_progress = 0;
    return;
  }
  // Three times as patient as with threads that are seen to spin: this one may be at work.
  if (++looks_without_progress < static_cast<int>(3 * looks)) return;
  const auto* const machine = static_cast<const ucontext_t*>(context);
  const auto here = static_cast<uintptr_t>(machine->uc_mcontext.gregs[REG_RIP]) + 1;
  std::fprintf(stderr, "%s: LIVELOCK: a thread runs without end, %s at %s\n", block->launch().name,
               block->place(block->current()).c_str(),
               source_line(reinterpret_cast<const void*>(here)).c_str());
  std::fflush(stderr);
  _exit(1);
}

}  // namespace

Watchdog::Watchdog() {
  static const bool handles = [] {
    struct sigaction action {};
    action.sa_sigaction = look;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    return sigaction(SIGVTALRM, &action, nullptr) == 0;
  }();
  last_progress = 0;
  looks_without_progress = 0;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGVTALRM;
  event._sigev_un._tid = static_cast<int>(syscall(SYS_gettid));
  is_set_ = handles && timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer_) == 0;
  if (!is_set_) return;
  const double seconds = options().patience / looks;
  itimerspec interval{};
  interval.it_interval.tv_sec = static_cast<time_t>(seconds);
  interval.it_interval.tv_nsec =
      static_cast<long>((seconds - static_cast<double>(interval.it_interval.tv_sec)) * 1e9);
  interval.it_value = interval.it_interval;
  timer_settime(timer_, 0, &interval, nullptr);
}

Watchdog::~Watchdog() {
  if (is_set_) timer_delete(timer_);
}

}  // namespace simt
