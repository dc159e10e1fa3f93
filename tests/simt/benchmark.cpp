// How fast the layer runs kernels: one number a line, for one OS thread and for all. The aims are 3 G binary
// multiply-accumulates and 7 M light threads a second and core on a Zen 4 processor.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
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

/// The best of several runs: others share the machine.
double seconds(const Work& work) {
  double best = 1e9;
  for (int run = 0; run < 5; ++run) {
    const auto start = std::chrono::steady_clock::now();
    work.run();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const double scale = argc > 1 ? std::atof(argv[1]) : 1.0;
  std::printf("%s, %u processors\n", processor().c_str(), std::thread::hardware_concurrency());
  for (int workers : {1, 0}) {
    simt::options().workers = workers;
    for (const Work& work : kones::simt_tests::benchmark_work(scale)) {
      std::printf("%-8s %-46s %10.1f M/s %s\n", workers == 1 ? "1 core" : "all", work.name.c_str(),
                  work.amount / seconds(work) * 1e-6, work.unit.c_str());
    }
  }
}
