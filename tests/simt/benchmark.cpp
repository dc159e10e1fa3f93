// How fast the layer runs kernels: one number a line, for one OS thread and for all. The aims are 3 G binary
// multiply-accumulates and 7 M light threads a second and core on a Zen 4 processor.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>

#include "simt/benchmark_kernels.h"
#include "simt/order.h"

namespace {

using kones::simt_tests::Work;

std::string processor() {
  std::ifstream information("/proc/cpuinfo");
  for (std::string line; std::getline(information, line);) {
    if (line.compare(0, 10, "model name") == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

struct Time {
  double wall;
  double processor;  ///< summed over the OS threads
};

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The run of several with the least wall time: others share the machine.
Time best_time(const Work& work) {
  Time best{1e9, 0.0};
  for (int run = 0; run < 5; ++run) {
    const double processor_start = processor_seconds();
    const auto start = std::chrono::steady_clock::now();
    work.run();
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (wall < best.wall) best = {wall, processor_seconds() - processor_start};
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const double scale = argc > 1 ? std::atof(argv[1]) : 1.0;
  std::printf("%s, %u processors\n", processor().c_str(), std::thread::hardware_concurrency());
  // A second OS thread helps only where the machine has a processor free for it: "in use" says whether it
  // had.
  for (int workers : {1, 0}) {
    simt::options().workers = workers;
    for (const Work& work : kones::simt_tests::benchmark_work(scale)) {
      const Time time = best_time(work);
      if (!work.is_right()) {
        std::fprintf(stderr, "%s: wrong result\n", work.name.c_str());
        return 1;
      }
      std::printf("%-9s %-40s %9.1f M/s wall %9.1f M/s a processor second, %.2f processors in use, %s\n",
                  workers == 1 ? "1 worker" : "all", work.name.c_str(), work.amount / time.wall * 1e-6,
                  work.amount / time.processor * 1e-6, time.processor / time.wall, work.unit.c_str());
    }
  }
}
