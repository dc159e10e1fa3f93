// simt_seeded_<build> NAME: runs one kernel with its planted bug, and prints "WRONG RESULT", "RIGHT RESULT"
// (the bug went unseen) or the layer's report. simt_seeded_<build> --fixed: runs all of them without; exit
// status 0 if all are right.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "simt/seeded/seeded.h"

namespace {

using kones::seeded::SeededBug;

std::vector<SeededBug> all_bugs() {
  std::vector<SeededBug> all;
  for (const auto& bugs :
       {kones::seeded::barrier_bugs(), kones::seeded::launch_bugs(), kones::seeded::matrix_bugs(),
        kones::seeded::memory_bugs(), kones::seeded::race_bugs(), kones::seeded::spin_bugs(),
        kones::seeded::warp_bugs()}) {
    all.insert(all.end(), bugs.begin(), bugs.end());
  }
  return all;
}

std::string result_of(const SeededBug& bug, bool planted) {
  try {
    return bug.run(planted) ? "RIGHT RESULT" : "WRONG RESULT";
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// How many kernels are wrong or reported without their bug.
int run_fixed() {
  int failures = 0;
  for (const SeededBug& bug : all_bugs()) {
    const std::string result = result_of(bug, false);
    if (result == "RIGHT RESULT") continue;
    ++failures;
    std::printf("%s without its bug: %s\n", bug.name, result.c_str());
  }
  std::printf("%d kernels without their bugs, %d falsely reported or wrong\n",
              static_cast<int>(all_bugs().size()), failures);
  return failures;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string wanted = argc == 2 ? argv[1] : "";
  if (wanted == "--fixed") return run_fixed() == 0 ? 0 : 1;
  for (const SeededBug& bug : all_bugs()) {
    if (wanted != bug.name) continue;
    std::printf("%s\n", result_of(bug, true).c_str());
    return 0;
  }
  std::fprintf(stderr, "usage: %s NAME | --fixed; there is", argv[0]);
  for (const SeededBug& bug : all_bugs()) std::fprintf(stderr, " %s", bug.name);
  std::fprintf(stderr, "\n");
  return 2;
}
