// float16 and bfloat16 functions that the toolkit's headers give to devices alone.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cuda/device_array.h"
#include "simt/cases.h"
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::simt_tests {
namespace {

__global__ void functions_kernel(float* y) {
  const __half x = __float2half_rn(2.5f + static_cast<float>(threadIdx.x));
  float* const mine = y + 8 * threadIdx.x;
  mine[0] = __half2float(hrint(x));
  mine[1] = static_cast<float>(__half2int_rn(x));
  mine[2] = __half2float(hsqrt(x));
  mine[3] = __half2float(hexp(__float2half_rn(0.0f)));
  mine[4] = __half2float(__shfl_xor_sync(0xFFFFFFFFu, x, 1));
  const __half2 pair =
      __hfma2(__halves2half2(x, x), __float2half2_rn(2.0f), __halves2half2(x, __float2half_rn(1.0f)));
  mine[5] = __low2float(pair);
  mine[6] = __high2float(pair);
  mine[7] = __bfloat162float(hfloor(__float2bfloat16_rn(-1.5f - static_cast<float>(threadIdx.x))));
}

std::string functions() {
  DeviceArray<float> to(8 * 32);
  KONES_LAUNCH(functions_kernel, dim3(1), dim3(32), 0, nullptr, to.data());
  std::vector<float> expected;
  for (int t = 0; t < 32; ++t) {
    const float x = 2.5f + static_cast<float>(t);
    for (const float value :
         {std::nearbyint(x), std::nearbyint(x), __half2float(__float2half_rn(std::sqrt(x))), 1.0f,
          2.5f + static_cast<float>(t ^ 1), 3 * x, 2 * x + 1, -2.0f - static_cast<float>(t)}) {
      expected.push_back(value);
    }
  }
  return difference(to.to_host(), expected);
}

__global__ void half_sum_kernel(__half* sum, __nv_bfloat16* other, __half2* pair) {
  atomicAdd(sum, __float2half_rn(1.0f));
  atomicAdd(other, __float2bfloat16_rn(1.0f));
  atomicAdd(pair, __floats2half2_rn(1.0f, 2.0f));
}

std::string half_atomics() {
  DeviceArray<__half> sum(std::vector<__half>{__float2half_rn(0.5f), __float2half_rn(9.0f)});
  DeviceArray<__nv_bfloat16> other(std::vector<__nv_bfloat16>{__float2bfloat16_rn(0.0f)});
  DeviceArray<__half2> pair(std::vector<__half2>{__floats2half2_rn(0.0f, 0.0f)});
  KONES_LAUNCH(half_sum_kernel, dim3(4), dim3(32), 0, nullptr, sum.data(), other.data(), pair.data());
  return difference<float>(
      {__half2float(sum.to_host()[0]), __half2float(sum.to_host()[1]), __bfloat162float(other.to_host()[0]),
       __low2float(pair.to_host()[0]), __high2float(pair.to_host()[0])},
      {128.5f, 9.0f, 128.0f, 128.0f, 256.0f});
}

/// The types have constructors, for which a host compiler adds a flag to each static variable.
template <typename T>
__global__ void reverse_tile_kernel(const T* x, T* y) {
  __shared__ T tile[64];
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = tile[63 - threadIdx.x];
}

/// Seen to fail, by a false report of bounds, on: a check build that takes the flags for the kernel's memory.
template <typename T>
std::string tiles() {
  using Bits = std::conditional_t<sizeof(T) == 2, uint16_t, uint32_t>;
  std::vector<T> x(64);
  std::vector<Bits> bits(64);
  for (size_t i = 0; i < 64; ++i) bits[i] = static_cast<Bits>(scrambled(static_cast<unsigned>(i)));
  std::memcpy(static_cast<void*>(x.data()), bits.data(), 64 * sizeof(T));
  const DeviceArray<T> from(x);
  DeviceArray<T> to(64);
  KONES_LAUNCH(reverse_tile_kernel<T>, dim3(1), dim3(64), 0, nullptr, from.data(), to.data());
  const std::vector<T> y = to.to_host();
  std::vector<Bits> got(64);
  std::memcpy(got.data(), y.data(), 64 * sizeof(T));
  return difference(got, std::vector<Bits>(bits.rbegin(), bits.rend()));
}

}  // namespace

std::vector<Case> half_cases() {
  return {{"half_functions", functions},
          {"half_atomics", half_atomics},
          {"half_tiles", tiles<__half>},
          {"half2_tiles", tiles<__half2>},
          {"bfloat16_tiles", tiles<__nv_bfloat16>}};
}

}  // namespace kones::simt_tests
