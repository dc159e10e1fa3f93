// In which order blocks and threads run. A device promises none, so a kernel's result must not depend on it.
#pragma once

#include <cstdint>
#include <string>

namespace simt {

enum class Order { forward, reverse, random };

struct Options {
  Order order = Order::forward;
  uint64_t seed = 0;  ///< of Order::random
  int workers =
      0;  ///< OS threads that run blocks; 0: one for each processor. The sanitizer and check builds use one.
  double patience = 10.0;          ///< processor seconds after which threads that only spin are reported
  std::string record;              ///< folder for recorded launches; empty: none
  uint64_t record_threads = 2048;  ///< larger launches are not recorded
};

/// Read at the first use from KONES_SIMT_ORDER (forward, reverse, or a seed), KONES_SIMT_WORKERS,
/// KONES_SIMT_PATIENCE (whole seconds), KONES_SIMT_RECORD and KONES_SIMT_RECORD_THREADS. A test may change it
/// between launches. Throws std::runtime_error on a value that it does not know.
Options& options();

}  // namespace simt
