// Planted waits for what never comes.
#include "cuda/device_array.h"
#include "simt/seeded/seeded.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::seeded {
namespace {

/// Each block adds one under a lock; planted: none gives it back.
template <bool Planted>
__global__ void add_under_lock(int* lock, int* y) {
  if (threadIdx.x != 0) return;
  while (atomicCAS(lock, 0, 1) != 0) {
  }
  __threadfence();
  *y += 1;
  __threadfence();
  if (!Planted) atomicExch(lock, 0);
}

bool lock_never_released(bool planted) {
  DeviceArray<int> lock(std::vector<int>{0});
  DeviceArray<int> y(std::vector<int>{0});
  KONES_LAUNCH((planted ? add_under_lock<true> : add_under_lock<false>), dim3(4), dim3(512), 0, nullptr,
               lock.data(), y.data());
  return y.to_host()[0] == 4;
}

/// Planted: the first block waits for the last one, which a device need not have room for as long as the
/// first is there.
template <bool Planted>
__global__ void wait_for_last_block(int* flag) {
  if (threadIdx.x != 0) return;
  if (blockIdx.x == gridDim.x - 1) atomicExch(flag, 1);
  if (Planted && blockIdx.x == 0) {
    while (atomicAdd(flag, 0) == 0) __nanosleep(20);
  }
}

bool waits_for_later_block(bool planted) {
  DeviceArray<int> flag(std::vector<int>{0});
  KONES_LAUNCH((planted ? wait_for_last_block<true> : wait_for_last_block<false>), dim3(4), dim3(32), 0,
               nullptr, flag.data());
  return flag.to_host()[0] == 1;
}

/// Planted: a thread reads a flag that nobody sets, without an atomic.
template <bool Planted>
__global__ void read_flag(const int* flag, int* y) {
  if (Planted && threadIdx.x == 5) {
    while (*static_cast<const volatile int*>(flag) == 0) {
    }
  }
  y[threadIdx.x] = 1;
}

bool flag_never_set(bool planted) {
  const DeviceArray<int> flag(std::vector<int>{0});
  DeviceArray<int> y(32);
  KONES_LAUNCH((planted ? read_flag<true> : read_flag<false>), dim3(1), dim3(32), 0, nullptr, flag.data(),
               y.data());
  return y.to_host() == std::vector<int>(32, 1);
}

}  // namespace

std::vector<SeededBug> spin_bugs() {
  return {{"lock_never_released", lock_never_released},
          {"waits_for_later_block", waits_for_later_block},
          {"flag_never_set", flag_never_set}};
}

}  // namespace kones::seeded
