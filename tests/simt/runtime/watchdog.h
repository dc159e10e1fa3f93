// Ends the program with a report when a thread runs without end and never lets another run.
#pragma once

#include <ctime>

namespace simt {

/// Watches the calling OS thread from here to the end of the scope.
class Watchdog {
 public:
  Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

 private:
  timer_t timer_{};
  bool is_set_ = false;
};

}  // namespace simt
