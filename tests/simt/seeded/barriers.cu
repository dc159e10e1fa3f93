// Planted bugs in the use of __syncthreads.
#include <numeric>

#include "cuda/device_array.h"
#include "simt/seeded/seeded.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::seeded {
namespace {

constexpr int threads = 128;

std::vector<int> counting(int count) {
  std::vector<int> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 1);
  return values;
}

/// y[i] = x[threads - 1 - i], through a tile in shared memory.
template <bool Planted>
__global__ void reverse_through_tile(const int* x, int* y) {
  __shared__ int tile[threads];
  tile[threadIdx.x] = x[threadIdx.x];
  if (!Planted) __syncthreads();
  y[threadIdx.x] = tile[threads - 1 - threadIdx.x];
}

bool missing_barrier_after_load(bool planted) {
  const std::vector<int> x = counting(threads);
  const DeviceArray<int> from(x);
  DeviceArray<int> to(threads);
  KONES_LAUNCH((planted ? reverse_through_tile<true> : reverse_through_tile<false>), dim3(1), dim3(threads),
               0, nullptr, from.data(), to.data());
  return to.to_host() == std::vector<int>(x.rbegin(), x.rend());
}

/// *y = the sum of x, by warps and then by the first warp.
template <bool Planted>
__global__ void block_sum(const int* x, int* y) {
  __shared__ int part[threads / 32];
  int sum = x[threadIdx.x];
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_down_sync(0xFFFFFFFFu, sum, distance);
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
  if (!Planted) __syncthreads();
  if (threadIdx.x == 0) {
    int total = 0;
    for (int warp = 0; warp < threads / 32; ++warp) total += part[warp];
    *y = total;
  }
}

bool missing_barrier_in_reduction(bool planted) {
  const DeviceArray<int> from(counting(threads));
  DeviceArray<int> to(1);
  KONES_LAUNCH((planted ? block_sum<true> : block_sum<false>), dim3(1), dim3(threads), 0, nullptr,
               from.data(), to.data());
  return to.to_host()[0] == threads * (threads + 1) / 2;
}

/// Rounds of a tile that each thread writes and its neighbour reads.
template <bool Planted>
__global__ void rounds_through_tile(int* y, int rounds) {
  __shared__ int tile[threads];
  int value = static_cast<int>(threadIdx.x);
  for (int round = 0; round < rounds; ++round) {
    tile[threadIdx.x] = value;
    __syncthreads();
    value = tile[(threadIdx.x + 1) % threads];
    if (!Planted) __syncthreads();
  }
  y[threadIdx.x] = value;
}

bool missing_barrier_between_rounds(bool planted) {
  DeviceArray<int> to(threads);
  KONES_LAUNCH((planted ? rounds_through_tile<true> : rounds_through_tile<false>), dim3(1), dim3(threads), 0,
               nullptr, to.data(), 3);
  const std::vector<int> y = to.to_host();
  for (int i = 0; i < threads; ++i) {
    if (y[static_cast<size_t>(i)] != (i + 3) % threads) return false;
  }
  return true;
}

/// The last warp leaves before the last barrier.
template <bool Planted>
__global__ void warp_leaves_early(int* y) {
  __syncthreads();
  if (Planted && threadIdx.x >= threads - 32) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

bool warp_skips_barrier(bool planted) {
  DeviceArray<int> to(std::vector<int>(threads, 0));
  KONES_LAUNCH((planted ? warp_leaves_early<true> : warp_leaves_early<false>), dim3(1), dim3(threads), 0,
               nullptr, to.data());
  return to.to_host() == std::vector<int>(threads, 1);
}

/// Half of the threads wait at one barrier, half at another.
template <bool Planted>
__global__ void barriers_in_branches(int* y) {
  if (Planted) {
    if (threadIdx.x < 32) {
      __syncthreads();
    } else {
      __syncthreads();
    }
  } else {
    __syncthreads();
  }
  y[threadIdx.x] = 1;
}

bool two_different_barriers(bool planted) {
  DeviceArray<int> to(std::vector<int>(threads, 0));
  KONES_LAUNCH((planted ? barriers_in_branches<true> : barriers_in_branches<false>), dim3(1), dim3(threads),
               0, nullptr, to.data());
  return to.to_host() == std::vector<int>(threads, 1);
}

/// The same on one line.
template <bool Planted>
__global__ void barriers_on_one_line(int* y) {
  // clang-format off
  if (Planted && threadIdx.x < 32) __syncthreads(); else __syncthreads();
  // clang-format on
  y[threadIdx.x] = 1;
}

bool two_barriers_on_a_line(bool planted) {
  DeviceArray<int> to(std::vector<int>(threads, 0));
  KONES_LAUNCH((planted ? barriers_on_one_line<true> : barriers_on_one_line<false>), dim3(1), dim3(threads),
               0, nullptr, to.data());
  return to.to_host() == std::vector<int>(threads, 1);
}

__device__ __forceinline__ void meet() {
  __syncthreads();
}

/// The same by a function that both branches call.
template <bool Planted>
__global__ void barriers_by_function(int* y) {
  if (Planted && threadIdx.x < 32) {
    meet();
    y[threadIdx.x] = 1;
  } else {
    meet();
    y[threadIdx.x] = 1;
  }
}

bool two_calls_of_barrier(bool planted) {
  DeviceArray<int> to(std::vector<int>(threads, 0));
  KONES_LAUNCH((planted ? barriers_by_function<true> : barriers_by_function<false>), dim3(1), dim3(threads),
               0, nullptr, to.data());
  return to.to_host() == std::vector<int>(threads, 1);
}

/// A loop whose count differs between threads, with a barrier inside.
template <bool Planted>
__global__ void barrier_in_uneven_loop(int* y) {
  const int rounds = Planted ? 1 + static_cast<int>(threadIdx.x) / 64 : 2;
  for (int round = 0; round < rounds; ++round) __syncthreads();
  y[threadIdx.x] = 1;
}

bool uneven_barrier_counts(bool planted) {
  DeviceArray<int> to(std::vector<int>(threads, 0));
  KONES_LAUNCH((planted ? barrier_in_uneven_loop<true> : barrier_in_uneven_loop<false>), dim3(1),
               dim3(threads), 0, nullptr, to.data());
  return to.to_host() == std::vector<int>(threads, 1);
}

}  // namespace

std::vector<SeededBug> barrier_bugs() {
  return {{"missing_barrier_after_load", missing_barrier_after_load},
          {"missing_barrier_in_reduction", missing_barrier_in_reduction},
          {"missing_barrier_between_rounds", missing_barrier_between_rounds},
          {"warp_skips_barrier", warp_skips_barrier},
          {"two_different_barriers", two_different_barriers},
          {"two_barriers_on_a_line", two_barriers_on_a_line},
          {"two_calls_of_barrier", two_calls_of_barrier},
          {"uneven_barrier_counts", uneven_barrier_counts}};
}

}  // namespace kones::seeded
