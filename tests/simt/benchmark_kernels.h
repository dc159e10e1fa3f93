// The kernels that the layer's speed is measured with.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace kones::simt_tests {

struct Work {
  std::string name;
  double amount;
  std::string unit;
  std::function<void()> run;
  std::function<bool()> is_right;  ///< of the last run's result: work that was not done must not count
};

/// `scale` multiplies the amounts.
std::vector<Work> benchmark_work(double scale);

}  // namespace kones::simt_tests
