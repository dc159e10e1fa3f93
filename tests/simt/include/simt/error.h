// What the layer says when a kernel does what a device would not forgive.
#pragma once

#include <stdexcept>

namespace simt {

/// A report, thrown on the thread that launched the kernel. It begins with the kernel's name and ": ".
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Ends the running block with a report about the running thread; printf-like. The thread's stack is
/// abandoned as it stands: no destructor on it runs.
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace simt
