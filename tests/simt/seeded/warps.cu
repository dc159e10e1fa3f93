// Planted bugs in the use of warp collectives.
#include "cuda/device_array.h"
#include "simt/seeded/seeded.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::seeded {
namespace {

constexpr unsigned full_mask = 0xFFFFFFFFu;

/// bits[0] = which of the first `count` values are negative.
template <bool Planted>
__global__ void pack_tail(const float* x, unsigned* bits, int count) {
  const int lane = static_cast<int>(threadIdx.x);
  if (Planted && lane >= count) return;
  const bool negative = lane < count && x[lane] < 0.0f;
  const unsigned word = __ballot_sync(full_mask, negative);
  if (lane == 0) *bits = word;
}

bool lanes_exit_before_ballot(bool planted) {
  const DeviceArray<float> from(std::vector<float>(20, -1.0f));
  DeviceArray<unsigned> to(1);
  KONES_LAUNCH((planted ? pack_tail<true> : pack_tail<false>), dim3(1), dim3(32), 0, nullptr, from.data(),
               to.data(), 20);
  return to.to_host()[0] == 0xFFFFFu;
}

/// Reverses each warp's values through shared memory.
template <bool Planted>
__global__ void reverse_warp(const int* x, int* y) {
  __shared__ int values[64];
  values[threadIdx.x] = x[threadIdx.x];
  if (!Planted) __syncwarp();
  y[threadIdx.x] = values[threadIdx.x ^ 31u];
}

bool missing_syncwarp(bool planted) {
  std::vector<int> x(64);
  std::vector<int> expected(64);
  for (int i = 0; i < 64; ++i) {
    x[static_cast<size_t>(i)] = i + 1;
    expected[static_cast<size_t>(i)] = (i ^ 31) + 1;
  }
  const DeviceArray<int> from(x);
  DeviceArray<int> to(64);
  KONES_LAUNCH((planted ? reverse_warp<true> : reverse_warp<false>), dim3(1), dim3(64), 0, nullptr,
               from.data(), to.data());
  return to.to_host() == expected;
}

/// Lanes 0..15 sum up; planted: the mask names the upper lanes too, which never come.
template <bool Planted>
__global__ void half_warp_sum(int* y) {
  if (threadIdx.x < 16) {
    int sum = static_cast<int>(threadIdx.x);
    for (int distance = 8; distance > 0; distance /= 2) {
      sum += __shfl_xor_sync(Planted ? full_mask : 0xFFFFu, sum, distance);
    }
    if (threadIdx.x == 0) *y = sum;
  }
}

bool mask_names_absent_lanes(bool planted) {
  DeviceArray<int> to(1);
  KONES_LAUNCH((planted ? half_warp_sum<true> : half_warp_sum<false>), dim3(1), dim3(32), 0, nullptr,
               to.data());
  return to.to_host()[0] == 120;
}

/// Planted: the calling lanes 16..31 are not in the mask that they give.
template <bool Planted>
__global__ void mask_of_others(unsigned* y) {
  const unsigned mask = Planted ? 0x0000FFFFu : full_mask;
  y[threadIdx.x] = __ballot_sync(mask, 1);
}

bool caller_not_in_mask(bool planted) {
  DeviceArray<unsigned> to(32);
  KONES_LAUNCH((planted ? mask_of_others<true> : mask_of_others<false>), dim3(1), dim3(32), 0, nullptr,
               to.data());
  return to.to_host() == std::vector<unsigned>(32, full_mask);
}

/// Planted: lanes of the lower half read lane 20, which takes no part.
template <bool Planted>
__global__ void broadcast_in_half(int* y) {
  if (threadIdx.x < 16) {
    y[threadIdx.x] = __shfl_sync(0xFFFFu, static_cast<int>(threadIdx.x), Planted ? 20 : 3);
  }
}

bool shuffle_from_absent_lane(bool planted) {
  DeviceArray<int> to(16);
  KONES_LAUNCH((planted ? broadcast_in_half<true> : broadcast_in_half<false>), dim3(1), dim3(32), 0, nullptr,
               to.data());
  return to.to_host() == std::vector<int>(16, 3);
}

/// Planted: lanes of one warp meet different collectives.
template <bool Planted>
__global__ void mixed_collectives(int* y) {
  int value = static_cast<int>(threadIdx.x);
  if (Planted && threadIdx.x == 7) {
    value = __any_sync(full_mask, value) ? 0 : 0;
  } else {
    value = __shfl_sync(full_mask, value, 0);
  }
  y[threadIdx.x] = value;
}

bool different_collectives(bool planted) {
  DeviceArray<int> to(32);
  KONES_LAUNCH((planted ? mixed_collectives<true> : mixed_collectives<false>), dim3(1), dim3(32), 0, nullptr,
               to.data());
  return to.to_host() == std::vector<int>(32, 0);
}

}  // namespace

std::vector<SeededBug> warp_bugs() {
  return {{"lanes_exit_before_ballot", lanes_exit_before_ballot},
          {"missing_syncwarp", missing_syncwarp},
          {"mask_names_absent_lanes", mask_names_absent_lanes},
          {"caller_not_in_mask", caller_not_in_mask},
          {"shuffle_from_absent_lane", shuffle_from_absent_lane},
          {"different_collectives", different_collectives}};
}

}  // namespace kones::seeded
