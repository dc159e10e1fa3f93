// Atomics against what any order of them gives, and message passing between blocks.
#include "cuda/device_array.h"
#include "simt/cases.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::simt_tests {
namespace {

constexpr unsigned blocks = 9;
constexpr unsigned threads = 96;

template <typename T>
__global__ void integers_kernel(T* y) {
  const T value = static_cast<T>(blockIdx.x * blockDim.x + threadIdx.x + 1);
  atomicAdd(&y[0], value);
  atomicMin(&y[1], static_cast<T>(value * 7));
  atomicMax(&y[2], static_cast<T>(value * 7));
  atomicAnd(&y[3], static_cast<T>(~(T{1} << (value % 20))));
  atomicOr(&y[4], static_cast<T>(T{1} << (value % 25)));
  atomicXor(&y[5], static_cast<T>(value * 3));
  atomicExch(&y[6], static_cast<T>(42));
  // A sum by compare and swap.
  T seen = atomicAdd(&y[7], T{0});
  for (;;) {
    const T old = atomicCAS(&y[7], seen, static_cast<T>(seen + 2));
    if (old == seen) break;
    seen = old;
  }
}

template <typename T>
std::string integers() {
  const T all = static_cast<T>(0xFFFFFF);
  DeviceArray<T> y(std::vector<T>{1, 100000, 3, all, 0, 0, 0, 0});
  KONES_LAUNCH(integers_kernel<T>, dim3(blocks), dim3(threads), 0, nullptr, y.data());
  std::vector<T> expected{1, 100000, 3, all, 0, 0, 42, static_cast<T>(2 * blocks * threads)};
  for (unsigned i = 1; i <= blocks * threads; ++i) {
    const T value = static_cast<T>(i);
    expected[0] += value;
    expected[1] = value * 7 < expected[1] ? value * 7 : expected[1];
    expected[2] = value * 7 > expected[2] ? value * 7 : expected[2];
    expected[3] &= static_cast<T>(~(T{1} << (value % 20)));
    expected[4] |= static_cast<T>(T{1} << (value % 25));
    expected[5] ^= static_cast<T>(value * 3);
  }
  return difference(y.to_host(), expected);
}

__global__ void others_kernel(float* sum, double* wide_sum, unsigned* counters, int* difference_of) {
  atomicAdd(sum, 0.25f);
  atomicAdd(wide_sum, 0.125);
  atomicInc(&counters[0], 9u);  // 0..9 and again
  atomicDec(&counters[1], 9u);
  atomicSub(&counters[2], 1u);
  atomicSub(difference_of, 3);
}

std::string other_types() {
  DeviceArray<float> sum(std::vector<float>{0.5f});
  DeviceArray<double> wide_sum(std::vector<double>{0.5});
  DeviceArray<unsigned> counters(std::vector<unsigned>{0, 0, 5});
  DeviceArray<int> difference_of(std::vector<int>{1});
  KONES_LAUNCH(others_kernel, dim3(blocks), dim3(threads), 0, nullptr, sum.data(), wide_sum.data(),
               counters.data(), difference_of.data());
  const unsigned count = blocks * threads;
  std::string text = difference(sum.to_host(), {0.5f + 0.25f * count});
  text += difference(wide_sum.to_host(), {0.5 + 0.125 * count});
  // Decrements go 0, 9, 8, ..., 0: after n of them (10 - n % 10) % 10.
  text += difference(counters.to_host(), {count % 10, (10 - count % 10) % 10, 5u - count});
  text += difference(difference_of.to_host(), {1 - 3 * static_cast<int>(count)});
  return text;
}

__global__ void shared_histogram_kernel(const unsigned* x, unsigned* bins, unsigned count) {
  __shared__ unsigned local[16];
  if (threadIdx.x < 16) local[threadIdx.x] = 0;
  __syncthreads();
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
    atomicAdd(&local[x[i] % 16], 1u);
  }
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(&bins[threadIdx.x], local[threadIdx.x]);
}

std::string shared_histogram() {
  std::vector<unsigned> x(5000);
  std::vector<unsigned> expected(16, 0u);
  for (unsigned i = 0; i < x.size(); ++i) {
    x[i] = scrambled(i);
    ++expected[x[i] % 16];
  }
  const DeviceArray<unsigned> from(x);
  DeviceArray<unsigned> bins(std::vector<unsigned>(16, 0u));
  KONES_LAUNCH(shared_histogram_kernel, dim3(7), dim3(threads), 0, nullptr, from.data(), bins.data(), 5000u);
  return difference(bins.to_host(), expected);
}

/// One thread publishes the block's sum (CUDA programming guide, "Memory fence functions").
__global__ void last_block_kernel(const int* x, int* parts, unsigned* arrived, int* sum) {
  __shared__ int mine;
  __shared__ bool is_last;
  if (threadIdx.x == 0) mine = 0;
  __syncthreads();
  atomicAdd(&mine, x[blockIdx.x * blockDim.x + threadIdx.x]);
  __syncthreads();
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = mine;
    __threadfence();
    is_last = atomicAdd(arrived, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  if (threadIdx.x == 0) {
    int total = 0;
    for (unsigned block = 0; block < gridDim.x; ++block) total += parts[block];
    *sum = total;
    *arrived = 0;  // for the next launch
  }
}

/// All threads of the block publish what they wrote.
__global__ void last_block_of_all_kernel(int* parts, unsigned* arrived, int* sum) {
  __shared__ bool is_last;
  parts[blockIdx.x * blockDim.x + threadIdx.x] = static_cast<int>(threadIdx.x * blockIdx.x);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    is_last = atomicAdd(arrived, 1u) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  if (!is_last) return;
  int total = 0;
  for (unsigned block = 0; block < gridDim.x; ++block) total += parts[block * blockDim.x + threadIdx.x];
  sum[threadIdx.x] = total;
}

/// Seen to be reported as a race by the check build without either fence, and never with both.
std::string last_blocks() {
  std::vector<int> x(blocks * threads);
  int total = 0;
  for (unsigned i = 0; i < x.size(); ++i) total += x[i] = static_cast<int>(scrambled(i) % 1000u);
  const DeviceArray<int> from(x);
  DeviceArray<int> parts(blocks * threads);
  DeviceArray<unsigned> arrived(std::vector<unsigned>{0});
  DeviceArray<int> sum(threads);
  std::string text;
  for (int round = 0; round < 2; ++round) {
    KONES_LAUNCH(last_block_kernel, dim3(blocks), dim3(threads), 0, nullptr, from.data(), parts.data(),
                 arrived.data(), sum.data());
    if (sum.to_host()[0] != total) text += "one publishes: wrong sum; ";
  }
  KONES_LAUNCH(last_block_of_all_kernel, dim3(blocks), dim3(threads), 0, nullptr, parts.data(),
               arrived.data(), sum.data());
  std::vector<int> expected;
  for (unsigned t = 0; t < threads; ++t) expected.push_back(static_cast<int>(t * (blocks - 1) * blocks / 2));
  return text + difference(sum.to_host(), expected);
}

constexpr unsigned lock_blocks = 24;

/// Every thread adds one under one lock, as lanes that share a program counter must do it.
__global__ void locked_sum_kernel(int* lock, int* sum) {
  for (bool done = false; !done;) {
    if (atomicCAS(lock, 0, 1) != 0) continue;
    __threadfence();
    *sum += 1;
    __threadfence();
    atomicExch(lock, 0);
    done = true;
  }
}

/// One thread of a block keeps the lock while the block meets at a barrier.
__global__ void lock_over_barrier_kernel(int* lock, int* sum) {
  __shared__ int part;
  if (threadIdx.x == 0) {
    part = 0;
    while (atomicExch(lock, 1) != 0) {
    }
    __threadfence();
  }
  __syncthreads();
  atomicAdd(&part, 1);
  __syncthreads();
  if (threadIdx.x == 0) {
    *sum += part;
    __threadfence();
    atomicExch(lock, 0);
  }
}

std::string spin_locks() {
  DeviceArray<int> lock(std::vector<int>{0});
  DeviceArray<int> sums(std::vector<int>{0, 0});
  KONES_LAUNCH(locked_sum_kernel, dim3(lock_blocks), dim3(threads), 0, nullptr, lock.data(), sums.data());
  KONES_LAUNCH(lock_over_barrier_kernel, dim3(lock_blocks), dim3(threads), 0, nullptr, lock.data(),
               sums.data() + 1);
  const int all = lock_blocks * threads;
  return difference(sums.to_host(), {all, all});
}

/// The first warp hands a value to the others, by a flag.
__global__ void warp_flag_kernel(int* flag, int* y) {
  __shared__ int value;
  if (threadIdx.x == 0) {
    value = 42;
    __threadfence_block();
    atomicExch(flag, 1);
  }
  if (threadIdx.x % 32 == 5 && threadIdx.x > 32) {
    while (atomicAdd(flag, 0) == 0) {
    }
    __threadfence_block();
    y[threadIdx.x / 32 - 1] = value;
  }
}

/// Blocks pass a running sum on, each to the next: in the order in which they have come, not in that of their
/// indices, since a device promises of no other block that it is running.
__global__ void block_chain_kernel(unsigned* tickets, int* sums, int* flags) {
  __shared__ unsigned ticket;
  if (threadIdx.x == 0) ticket = atomicAdd(tickets, 1u);
  __syncthreads();
  if (threadIdx.x != 0) return;
  int sum = static_cast<int>(ticket);
  if (ticket > 0) {
    while (atomicAdd(&flags[ticket - 1], 0) == 0) __nanosleep(10);
    __threadfence();
    sum += sums[ticket - 1];
  }
  sums[ticket] = sum;
  __threadfence();
  atomicExch(&flags[ticket], 1);
}

std::string flags() {
  DeviceArray<int> flag(std::vector<int>{0});
  DeviceArray<int> y(2);
  KONES_LAUNCH(warp_flag_kernel, dim3(1), dim3(threads), 0, nullptr, flag.data(), y.data());
  DeviceArray<unsigned> tickets(std::vector<unsigned>{0});
  DeviceArray<int> sums(lock_blocks);
  DeviceArray<int> set(std::vector<int>(lock_blocks, 0));
  KONES_LAUNCH(block_chain_kernel, dim3(lock_blocks), dim3(threads), 0, nullptr, tickets.data(), sums.data(),
               set.data());
  std::vector<int> expected;
  for (int i = 0; i < static_cast<int>(lock_blocks); ++i) expected.push_back(i * (i + 1) / 2);
  return difference(y.to_host(), {42, 42}) + difference(sums.to_host(), expected);
}

}  // namespace

std::vector<Case> atomics_cases() {
  return {{"atomics_of_int", integers<int>},
          {"atomics_of_unsigned", integers<unsigned>},
          {"atomics_of_unsigned_long_long", integers<unsigned long long>},
          {"atomics_of_other_types", other_types},
          {"shared_histogram", shared_histogram},
          {"last_blocks", last_blocks},
          {"spin_locks", spin_locks},
          {"flags", flags}};
}

}  // namespace kones::simt_tests
