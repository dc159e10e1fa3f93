// Timing on a CUDA device: what the device's benchmarks share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <vector>

#include <cuda_runtime_api.h>

namespace kones {

inline void check(cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
}

/// Device memory that ends with its scope.
class DeviceBytes {
 public:
  explicit DeviceBytes(size_t bytes) { check(cudaMalloc(&pointer_, bytes)); }
  ~DeviceBytes() { cudaFree(pointer_); }
  DeviceBytes(const DeviceBytes&) = delete;
  DeviceBytes& operator=(const DeviceBytes&) = delete;

  template <typename T>
  T* as() const {
    return static_cast<T*>(pointer_);
  }

 private:
  void* pointer_ = nullptr;
};

/// The median over 20 runs after 5 warm ones, in milliseconds; of each, the mean over `repeats` in a row, for
/// what is shorter than events can tell.
inline double median_milliseconds(const std::function<void()>& run, int repeats = 1) {
  constexpr int warm_runs = 5;
  constexpr int runs = 20;
  cudaEvent_t start = nullptr;
  cudaEvent_t stop = nullptr;
  check(cudaEventCreate(&start));
  check(cudaEventCreate(&stop));
  std::vector<float> times;
  for (int i = 0; i < warm_runs + runs; ++i) {
    check(cudaEventRecord(start));
    for (int repeat = 0; repeat < repeats; ++repeat) run();
    check(cudaEventRecord(stop));
    check(cudaEventSynchronize(stop));
    float milliseconds = 0.0f;
    check(cudaEventElapsedTime(&milliseconds, start, stop));
    if (i >= warm_runs) times.push_back(milliseconds / static_cast<float>(repeats));
  }
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[runs / 2];
}

}  // namespace kones
