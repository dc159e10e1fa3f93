// Kernels with one planted bug each, and the same kernels without it: what the builds of the host layer must
// report, and what they must not.
#pragma once

#include <vector>

namespace kones::seeded {

/// A planted bug. `run` launches the kernel with or without it and says whether the result is right.
struct SeededBug {
  const char* name;
  bool (*run)(bool planted);
};

/// The bugs of each kernel file.
std::vector<SeededBug> barrier_bugs();
std::vector<SeededBug> launch_bugs();
std::vector<SeededBug> matrix_bugs();
std::vector<SeededBug> memory_bugs();
std::vector<SeededBug> race_bugs();
std::vector<SeededBug> spin_bugs();
std::vector<SeededBug> warp_bugs();

}  // namespace kones::seeded
