// Warp reductions of devices from 8.0 on, which older ones have not.
#include "cuda/device_array.h"
#include "simt/cases.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::simt_tests {
namespace {

constexpr int threads = 64;
constexpr unsigned full = 0xFFFFFFFFu;
constexpr unsigned some = 0x5A5A00F1u;  // a mask with gaps

__global__ void bit_reductions_kernel(const int* x, int* y) {
  const auto bits = static_cast<unsigned>(x[threadIdx.x]);
  int* const mine = y + 4 * threadIdx.x;
  mine[0] = static_cast<int>(__reduce_and_sync(full, bits | 0xFFu));
  mine[1] = static_cast<int>(__reduce_or_sync(full, bits & 0xF0F0u));
  mine[2] = static_cast<int>(__reduce_xor_sync(full, bits));
  mine[3] = 0;
  if ((some >> (threadIdx.x % 32) & 1u) != 0) mine[3] = __reduce_add_sync(some, static_cast<int>(bits));
}

std::string bit_reductions() {
  std::vector<int> x(threads);
  for (unsigned i = 0; i < threads; ++i) x[i] = static_cast<int>(scrambled(i));  // sums wrap
  const DeviceArray<int> from(x);
  DeviceArray<int> to(4 * threads);
  KONES_LAUNCH(bit_reductions_kernel, dim3(1), dim3(threads), 0, nullptr, from.data(), to.data());
  std::vector<int> expected;
  for (int t = 0; t < threads; ++t) {
    unsigned both = ~0u, either = 0, odd = 0, sum = 0;
    for (int lane = 0; lane < 32; ++lane) {
      const auto bits = static_cast<unsigned>(x[static_cast<size_t>(t / 32 * 32 + lane)]);
      both &= bits | 0xFFu;
      either |= bits & 0xF0F0u;
      odd ^= bits;
      if ((some >> lane & 1u) != 0) sum += bits;
    }
    if ((some >> (t % 32) & 1u) == 0) sum = 0;
    for (const unsigned value : {both, either, odd, sum}) expected.push_back(static_cast<int>(value));
  }
  return difference(to.to_host(), expected);
}

}  // namespace

std::vector<Case> warp_80_cases() {
  return {{"bit_reductions", bit_reductions}};
}

}  // namespace kones::simt_tests
