// Planted races that a run may well survive with the right result.
#include "cuda/device_array.h"
#include "simt/seeded/seeded.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::seeded {
namespace {

/// *sum += one from each block.
template <bool Planted>
__global__ void count_blocks(int* sum) {
  if (threadIdx.x != 0) return;
  if (Planted) {
    *sum += 1;
  } else {
    atomicAdd(sum, 1);
  }
}

bool non_atomic_sum_over_blocks(bool planted) {
  DeviceArray<int> sum(std::vector<int>{0});
  KONES_LAUNCH((planted ? count_blocks<true> : count_blocks<false>), dim3(8), dim3(32), 0, nullptr,
               sum.data());
  return sum.to_host()[0] == 8;
}

/// The last block to arrive sums up what all have written (CUDA programming guide, "Memory fence functions").
template <bool Planted>
__global__ void last_block_sums(int* parts, unsigned* arrived, int* sum) {
  __shared__ bool is_last;
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = static_cast<int>(blockIdx.x) + 1;
    if (!Planted) __threadfence();
    is_last = atomicAdd(arrived, 1u) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  if (is_last && threadIdx.x == 0) {
    int total = 0;
    for (unsigned block = 0; block < gridDim.x; ++block) total += parts[block];
    *sum = total;
  }
}

bool missing_fence_before_last_block(bool planted) {
  DeviceArray<int> parts(8);
  DeviceArray<unsigned> arrived(std::vector<unsigned>{0});
  DeviceArray<int> sum(1);
  KONES_LAUNCH((planted ? last_block_sums<true> : last_block_sums<false>), dim3(8), dim3(64), 0, nullptr,
               parts.data(), arrived.data(), sum.data());
  return sum.to_host()[0] == 36;
}

/// Two threads write one element; the same value, so that the result does not tell.
template <bool Planted>
__global__ void write_twice(int* y) {
  if (threadIdx.x == 0 || (Planted && threadIdx.x == 40)) *y = 5;
}

bool two_writers(bool planted) {
  DeviceArray<int> y(1);
  KONES_LAUNCH((planted ? write_twice<true> : write_twice<false>), dim3(1), dim3(64), 0, nullptr, y.data());
  return y.to_host()[0] == 5;
}

/// The same as a missing barrier, on dynamic shared memory, where a thread reads before the other writes
/// again.
template <bool Planted>
__global__ void rotate_dynamic(int* y) {
  KONES_DYNAMIC_SHARED(int, tile);
  tile[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  const int next = tile[(threadIdx.x + 1) % blockDim.x];
  if (!Planted) __syncthreads();
  tile[threadIdx.x] = next;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}

bool race_on_dynamic_shared(bool planted) {
  DeviceArray<int> y(64);
  KONES_LAUNCH((planted ? rotate_dynamic<true> : rotate_dynamic<false>), dim3(1), dim3(64), 64 * sizeof(int),
               nullptr, y.data());
  const std::vector<int> host = y.to_host();
  for (int i = 0; i < 64; ++i) {
    if (host[static_cast<size_t>(i)] != (i + 1) % 64) return false;
  }
  return true;
}

/// A plain read of what another block counts with atomics.
template <bool Planted>
__global__ void read_counter(int* counter, int* y) {
  if (threadIdx.x == 0) y[blockIdx.x] = Planted ? *counter : atomicAdd(counter, 0);
  if (threadIdx.x == 0) atomicAdd(counter, 1);
}

bool plain_read_of_atomic(bool planted) {
  DeviceArray<int> counter(std::vector<int>{0});
  DeviceArray<int> y(4);
  KONES_LAUNCH((planted ? read_counter<true> : read_counter<false>), dim3(4), dim3(32), 0, nullptr,
               counter.data(), y.data());
  return counter.to_host()[0] == 4;
}

}  // namespace

std::vector<SeededBug> race_bugs() {
  return {{"non_atomic_sum_over_blocks", non_atomic_sum_over_blocks},
          {"missing_fence_before_last_block", missing_fence_before_last_block},
          {"two_writers", two_writers},
          {"race_on_dynamic_shared", race_on_dynamic_shared},
          {"plain_read_of_atomic", plain_read_of_atomic}};
}

}  // namespace kones::seeded
