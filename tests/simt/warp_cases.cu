// Warp collectives and barriers against plain loops.
#include "cuda/device_array.h"
#include "simt/cases.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::simt_tests {
namespace {

constexpr int threads = 64;
constexpr unsigned full = 0xFFFFFFFFu;
constexpr unsigned some = 0x5A5A00F1u;  // a mask with gaps

__global__ void votes_kernel(const unsigned* x, unsigned* y) {
  const unsigned value = x[threadIdx.x];
  unsigned* const mine = y + 12 * threadIdx.x;
  mine[0] = __ballot_sync(full, value & 1u);
  mine[1] = static_cast<unsigned>(__any_sync(full, value == x[5]));
  mine[2] = static_cast<unsigned>(__all_sync(full, value != 1u));
  mine[3] = __match_any_sync(full, value & 7u);
  int all = 2;
  mine[4] = __match_all_sync(full, value & 7u, &all);
  mine[5] = static_cast<unsigned>(all);
  mine[6] = __match_all_sync(full, 3ull << 40, &all);
  mine[7] = static_cast<unsigned>(all);
  for (int i = 8; i < 12; ++i) mine[i] = 0;
  if ((some >> (threadIdx.x % 32) & 1u) != 0) {
    mine[8] = __ballot_sync(some, value & 1u);
    mine[9] = static_cast<unsigned>(__all_sync(some, value != x[1]));
    mine[10] = __match_any_sync(some, value & 3u);
    mine[11] = __activemask() >> (threadIdx.x % 32) & 1u;
  }
}

std::string votes() {
  std::vector<unsigned> x(threads);
  for (unsigned i = 0; i < threads; ++i) x[i] = scrambled(i);
  const DeviceArray<unsigned> from(x);
  DeviceArray<unsigned> to(12 * threads);
  KONES_LAUNCH(votes_kernel, dim3(1), dim3(threads), 0, nullptr, from.data(), to.data());
  std::vector<unsigned> expected(12 * threads, 0u);
  for (unsigned t = 0; t < threads; ++t) {
    unsigned* const mine = &expected[12 * t];
    const unsigned first = t / 32 * 32;
    bool all_same = true;
    mine[2] = 1;
    mine[9] = 1;
    for (unsigned lane = 0; lane < 32; ++lane) {
      const unsigned other = x[first + lane];
      const unsigned bit = 1u << lane;
      if ((other & 1u) != 0) mine[0] |= bit;
      if (other == x[5]) mine[1] = 1;
      if (other == 1u) mine[2] = 0;
      if ((other & 7u) == (x[t] & 7u)) mine[3] |= bit;
      all_same = all_same && (other & 7u) == (x[first] & 7u);
      if ((some & bit) == 0) continue;
      if ((other & 1u) != 0) mine[8] |= bit;
      if (other == x[1]) mine[9] = 0;
      if ((other & 3u) == (x[t] & 3u)) mine[10] |= bit;
    }
    mine[4] = all_same ? full : 0u;
    mine[5] = all_same;
    mine[6] = full;
    mine[7] = 1;
    mine[11] = 1;
    if ((some >> (t % 32) & 1u) == 0) mine[8] = mine[9] = mine[10] = mine[11] = 0;
  }
  return difference(to.to_host(), expected);
}

constexpr int widths[] = {32, 16, 8, 4, 2, 1};

__global__ void shuffles_kernel(const int* x, int* y, int width, int operand) {
  const int value = x[threadIdx.x];
  int* const mine = y + 4 * threadIdx.x;
  mine[0] = __shfl_sync(full, value, operand, width);
  mine[1] = __shfl_up_sync(full, value, static_cast<unsigned>(operand), width);
  mine[2] = __shfl_down_sync(full, value, static_cast<unsigned>(operand), width);
  mine[3] = __shfl_xor_sync(full, value, operand, width);
}

/// Seen to fail on: xor that stays in the segment, up compared with 0, idx not taken modulo the width.
std::string shuffles() {
  std::vector<int> x(threads);
  for (unsigned i = 0; i < threads; ++i) x[i] = static_cast<int>(scrambled(i) & 0xFFFFu);
  const DeviceArray<int> from(x);
  DeviceArray<int> to(4 * threads);
  for (const int width : widths) {
    for (int operand = 0; operand < 32; ++operand) {
      KONES_LAUNCH(shuffles_kernel, dim3(1), dim3(threads), 0, nullptr, from.data(), to.data(), width,
                   operand);
      std::vector<int> expected;
      for (int t = 0; t < threads; ++t) {
        const int lane = t % 32;
        const int warp = t - lane;
        const int segment = lane / width * width;
        const auto value = [&](int source, bool valid) {
          return x[static_cast<size_t>(warp + (valid ? source : lane))];
        };
        expected.push_back(value(segment + operand % width, true));
        expected.push_back(value(lane - operand, lane - operand >= segment));
        expected.push_back(value(lane + operand, lane + operand < segment + width));
        expected.push_back(value(lane ^ operand, (lane ^ operand) < segment + width));
      }
      const std::string difference_here = difference(to.to_host(), expected);
      if (!difference_here.empty()) {
        return difference_here + " at width " + std::to_string(width) + ", operand " +
               std::to_string(operand);
      }
    }
  }
  return "";
}

__global__ void wide_shuffle_kernel(double* y) {
  const double value = 1.0 / (1.0 + threadIdx.x);
  y[threadIdx.x] = __shfl_xor_sync(full, value, 9);
}

std::string shuffles_of_eight_bytes() {
  DeviceArray<double> to(32);
  KONES_LAUNCH(wide_shuffle_kernel, dim3(1), dim3(32), 0, nullptr, to.data());
  std::vector<double> expected;
  for (int t = 0; t < 32; ++t) expected.push_back(1.0 / (1.0 + (t ^ 9)));
  return difference(to.to_host(), expected);
}

__global__ void reductions_kernel(const int* x, int* y) {
  const int value = x[threadIdx.x];
  const auto bits = static_cast<unsigned>(value);
  int* const mine = y + 6 * threadIdx.x;
  mine[0] = cuda::warp_sum(value);
  mine[1] = cuda::warp_min(value);
  mine[2] = cuda::warp_max(value);
  mine[3] = static_cast<int>(cuda::warp_sum(bits));
  mine[4] = static_cast<int>(cuda::warp_min(bits));
  mine[5] = static_cast<int>(cuda::warp_max(bits));
}

std::string reductions() {
  std::vector<int> x(threads);
  for (unsigned i = 0; i < threads; ++i) x[i] = static_cast<int>(scrambled(i));  // sums wrap
  const DeviceArray<int> from(x);
  DeviceArray<int> to(6 * threads);
  KONES_LAUNCH(reductions_kernel, dim3(1), dim3(threads), 0, nullptr, from.data(), to.data());
  std::vector<int> expected;
  for (int t = 0; t < threads; ++t) {
    unsigned sum = 0, least = ~0u, most = 0;
    int least_signed = INT32_MAX, most_signed = INT32_MIN;
    for (int lane = 0; lane < 32; ++lane) {
      const int value = x[static_cast<size_t>(t / 32 * 32 + lane)];
      const auto bits = static_cast<unsigned>(value);
      sum += bits;
      least = bits < least ? bits : least;
      most = bits > most ? bits : most;
      least_signed = value < least_signed ? value : least_signed;
      most_signed = value > most_signed ? value : most_signed;
    }
    for (const unsigned value :
         {sum, static_cast<unsigned>(least_signed), static_cast<unsigned>(most_signed), sum, least, most}) {
      expected.push_back(static_cast<int>(value));
    }
  }
  return difference(to.to_host(), expected);
}

__global__ void barriers_kernel(int* y) {
  __shared__ int ring[96];
  const auto t =
      static_cast<int>(threadIdx.x + threadIdx.y * blockDim.x + threadIdx.z * blockDim.x * blockDim.y);
  int value = t;
  for (int round = 0; round < 3; ++round) {
    ring[t] = value;
    __syncthreads();
    value = ring[(t + 1) % 96];
    __syncthreads();
  }
  int* const mine = y + 4 * t;
  mine[0] = value;
  mine[1] = __syncthreads_count(t % 3 == 0);
  mine[2] = __syncthreads_and(t < 95) + 2 * __syncthreads_and(t < 96);
  mine[3] = __syncthreads_or(t == 95) + 2 * __syncthreads_or(t == 96);
}

std::string barriers() {
  DeviceArray<int> to(4 * 96);
  KONES_LAUNCH(barriers_kernel, dim3(1), dim3(4, 8, 3), 0, nullptr, to.data());
  std::vector<int> expected;
  for (int t = 0; t < 96; ++t) {
    for (const int value : {(t + 3) % 96, 32, 2, 1}) expected.push_back(value);
  }
  return difference(to.to_host(), expected);
}

/// One barrier between branches that a compiler may join, and so double the barrier.
__global__ void barrier_between_branches_kernel(int* y) {
  __shared__ int values[threads];
  const bool low = threadIdx.x < 32;
  int value = 1;
  if (low) value = static_cast<int>(threadIdx.x);
  values[threadIdx.x] = value;
  __syncthreads();
  if (low) value += values[threadIdx.x + 32];
  y[threadIdx.x] = value;
}

std::string barrier_between_branches() {
  DeviceArray<int> to(threads);
  KONES_LAUNCH(barrier_between_branches_kernel, dim3(1), dim3(threads), 0, nullptr, to.data());
  std::vector<int> expected;
  for (int t = 0; t < threads; ++t) expected.push_back(t < 32 ? t + 1 : 1);
  return difference(to.to_host(), expected);
}

/// Warps of a block go on without each other; a last warp has 8 lanes.
__global__ void partial_warp_kernel(unsigned* y) {
  const unsigned mask = threadIdx.x < 32 ? full : 0xFFu;
  unsigned sum = 0;
  for (unsigned round = 0; round <= threadIdx.x / 32; ++round)
    sum += __ballot_sync(mask, threadIdx.x % 2 == 0);
  y[threadIdx.x] = sum;
}

std::string partial_warps() {
  DeviceArray<unsigned> to(40);
  KONES_LAUNCH(partial_warp_kernel, dim3(1), dim3(40), 0, nullptr, to.data());
  std::vector<unsigned> expected(32, 0x55555555u);
  expected.resize(40, 0xAAu);
  return difference(to.to_host(), expected);
}

/// Two halves of a warp gather for different collectives at the same time.
__global__ void halves_kernel(int* y) {
  int value = static_cast<int>(threadIdx.x);
  if (threadIdx.x < 16) {
    for (int distance = 8; distance > 0; distance /= 2) value += __shfl_xor_sync(0xFFFFu, value, distance);
  } else {
    value = static_cast<int>(__ballot_sync(0xFFFF0000u, value % 2));
  }
  __syncwarp();
  y[threadIdx.x] = value;
}

std::string halves_of_a_warp() {
  DeviceArray<int> to(32);
  KONES_LAUNCH(halves_kernel, dim3(1), dim3(32), 0, nullptr, to.data());
  std::vector<int> expected(16, 120);
  expected.resize(32, static_cast<int>(0xAAAA0000u));
  return difference(to.to_host(), expected);
}

__global__ void geometry_kernel(unsigned* y) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  y[block * blockDim.x * blockDim.y * blockDim.z + thread] = block << 16 | thread;
}

std::string geometry() {
  DeviceArray<unsigned> to(3 * 5 * 2 * 60);
  KONES_LAUNCH(geometry_kernel, dim3(3, 5, 2), dim3(5, 4, 3), 0, nullptr, to.data());
  std::vector<unsigned> expected;
  for (unsigned block = 0; block < 30; ++block) {
    for (unsigned thread = 0; thread < 60; ++thread) expected.push_back(block << 16 | thread);
  }
  return difference(to.to_host(), expected);
}

}  // namespace

std::vector<Case> warp_cases() {
  return {{"votes", votes},
          {"shuffles", shuffles},
          {"shuffles_of_eight_bytes", shuffles_of_eight_bytes},
          {"reductions", reductions},
          {"barriers", barriers},
          {"barrier_between_branches", barrier_between_branches},
          {"partial_warps", partial_warps},
          {"halves_of_a_warp", halves_of_a_warp},
          {"geometry", geometry}};
}

}  // namespace kones::simt_tests
