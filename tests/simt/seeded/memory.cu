// Planted bugs in addresses and in what memory holds.
#include <algorithm>
#include <cstdint>
#include <memory>

#include "cuda/device_array.h"
#include "simt/seeded/seeded.h"
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::seeded {
namespace {

constexpr int threads = 64;

/// y[i] = x[i] where there is an x[i], else 1; planted: without the check for the tail.
template <bool Planted>
__global__ void copy_tail(const float* x, float* y, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  y[i] = Planted || i < count ? x[i] : 1.0f;
}

bool global_read_past_tail(bool planted) {
  const DeviceArray<float> from(std::vector<float>(100, 2.0f));
  DeviceArray<float> to(2 * threads);
  KONES_LAUNCH((planted ? copy_tail<true> : copy_tail<false>), dim3(2), dim3(threads), 0, nullptr,
               from.data(), to.data(), 100);
  std::vector<float> expected(2 * threads, 1.0f);
  std::fill_n(expected.begin(), 100, 2.0f);
  return to.to_host() == expected;
}

/// Planted: the tile's last row lies one row too far.
template <bool Planted>
__global__ void fill_rows(int* y) {
  __shared__ int tile[8][8];
  const int row = static_cast<int>(threadIdx.x) / 8;
  const int column = static_cast<int>(threadIdx.x) % 8;
  tile[Planted && row == 7 ? row + 1 : row][column] = static_cast<int>(threadIdx.x);
  __syncthreads();
  y[threadIdx.x] = tile[row == 7 ? 0 : row][column];
}

bool shared_row_overrun(bool planted) {
  DeviceArray<int> to(threads);
  KONES_LAUNCH((planted ? fill_rows<true> : fill_rows<false>), dim3(1), dim3(threads), 0, nullptr, to.data());
  return to.to_host()[9] == 9;
}

/// Planted: dynamic shared memory is used beyond what the launch asked for.
template <bool Planted>
__global__ void fill_dynamic(int* y) {
  KONES_DYNAMIC_SHARED(int, tile);
  tile[threadIdx.x + (Planted ? 1 : 0)] = static_cast<int>(threadIdx.x);
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x + (Planted ? 1 : 0)];
}

bool dynamic_shared_overrun(bool planted) {
  DeviceArray<int> to(threads);
  KONES_LAUNCH((planted ? fill_dynamic<true> : fill_dynamic<false>), dim3(1), dim3(threads),
               threads * sizeof(int), nullptr, to.data());
  return to.to_host()[3] == 3;
}

/// Planted: the counters start as they are.
template <bool Planted>
__global__ void count_in_shared(int* y) {
  __shared__ int counters[threads];
  if (!Planted) counters[threadIdx.x] = 0;
  counters[threadIdx.x] += 3;
  y[threadIdx.x] = counters[threadIdx.x];
}

bool uninitialised_shared(bool planted) {
  DeviceArray<int> to(threads);
  KONES_LAUNCH((planted ? count_in_shared<true> : count_in_shared<false>), dim3(1), dim3(threads), 0, nullptr,
               to.data());
  return to.to_host() == std::vector<int>(threads, 3);
}

/// Planted: one element of a tile of float16 is never written.
template <bool Planted>
__global__ void reverse_halves(const __half* x, __half* y) {
  __shared__ __half tile[threads];
  if (!Planted || threadIdx.x != 3) tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = tile[threads - 1 - threadIdx.x];
}

bool uninitialised_half_tile(bool planted) {
  const DeviceArray<__half> from(std::vector<__half>(threads, __float2half_rn(2.0f)));
  DeviceArray<__half> to(threads);
  KONES_LAUNCH((planted ? reverse_halves<true> : reverse_halves<false>), dim3(1), dim3(threads), 0, nullptr,
               from.data(), to.data());
  for (const __half y : to.to_host()) {
    if (__half2float(y) != 2.0f) return false;
  }
  return true;
}

/// *y += x; planted: the host never wrote y.
__global__ void add_to(int* y) {
  if (threadIdx.x == 0) *y += 3;
}

bool uninitialised_global(bool planted) {
  if (planted) {
    DeviceArray<int> y(1);
    KONES_LAUNCH(add_to, dim3(1), dim3(32), 0, nullptr, y.data());
    return y.to_host()[0] == 3;
  }
  DeviceArray<int> y(std::vector<int>{0});
  KONES_LAUNCH(add_to, dim3(1), dim3(32), 0, nullptr, y.data());
  return y.to_host()[0] == 3;
}

/// Two tiles of a row that is no multiple of the tile: planted, the tail of the second reads what the first
/// has left there. Nobody can report it: those bytes were written, by this block and with barriers between,
/// and a kernel may mean to keep them. Only the wrong sum shows it.
template <bool Planted>
__global__ void sum_by_tiles(const int* x, int* y, int count) {
  __shared__ int tile[threads];
  int sum = 0;
  for (int first = 0; first < count; first += threads) {
    const int i = first + static_cast<int>(threadIdx.x);
    if (i < count) {
      tile[threadIdx.x] = x[i];
    } else if (!Planted) {
      tile[threadIdx.x] = 0;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int other = 0; other < threads; ++other) sum += tile[other];
    }
    __syncthreads();
  }
  if (threadIdx.x == 0) *y = sum;
}

bool stale_shared_tile(bool planted) {
  const int count = threads + threads / 2;
  const DeviceArray<int> from(std::vector<int>(count, 1));
  DeviceArray<int> to(1);
  KONES_LAUNCH((planted ? sum_by_tiles<true> : sum_by_tiles<false>), dim3(1), dim3(threads), 0, nullptr,
               from.data(), to.data(), count);
  return to.to_host()[0] == count;
}

/// Copies quads; planted: from an address that is no multiple of 16.
__global__ void copy_quads(const float* x, float* y) {
  reinterpret_cast<float4*>(y)[threadIdx.x] = reinterpret_cast<const float4*>(x)[threadIdx.x];
}

bool misaligned_vector_load(bool planted) {
  const DeviceArray<float> from(std::vector<float>(200, 1.0f));
  DeviceArray<float> to(128);
  KONES_LAUNCH(copy_quads, dim3(1), dim3(32), 0, nullptr, from.data() + (planted ? 1 : 0), to.data());
  return to.to_host() == std::vector<float>(128, 1.0f);
}

/// Sums quads by their components, which the compiler may load one by one; planted: from an address that is
/// no multiple of 16.
__global__ void sum_quads(const float4* x, float* y) {
  const float4 quad = x[threadIdx.x];
  y[threadIdx.x] = quad.x + quad.y + quad.z + quad.w;
}

bool misaligned_components(bool planted) {
  const DeviceArray<float> from(std::vector<float>(200, 1.0f));
  DeviceArray<float> to(32);
  const auto* const quads = reinterpret_cast<const float4*>(from.data() + (planted ? 1 : 0));
  KONES_LAUNCH(sum_quads, dim3(1), dim3(32), 0, nullptr, quads, to.data());
  return to.to_host() == std::vector<float>(32, 4.0f);
}

/// The same of a tile in shared memory.
template <bool Planted>
__global__ void sum_tile_quads(int* y) {
  __shared__ __align__(16) int tile[132];
  for (unsigned i = threadIdx.x; i < 132; i += 32) tile[i] = 1;
  __syncthreads();
  const int4 quad = *reinterpret_cast<const int4*>(&tile[4 * threadIdx.x + (Planted ? 2 : 0)]);
  y[threadIdx.x] = quad.x + quad.w;
}

bool misaligned_shared_components(bool planted) {
  DeviceArray<int> to(32);
  KONES_LAUNCH((planted ? sum_tile_quads<true> : sum_tile_quads<false>), dim3(1), dim3(32), 0, nullptr,
               to.data());
  return to.to_host() == std::vector<int>(32, 2);
}

/// y[i] = x[i + offset], or x[0] where there is none; planted: without that check.
template <bool Planted>
__global__ void copy_shifted(const float* x, float* y, int count, int64_t offset) {
  const int64_t i = static_cast<int64_t>(threadIdx.x) + offset;
  y[threadIdx.x] = Planted || (i >= 0 && i < count) ? x[i] : x[0];
}

bool copies_shifted(bool planted, int64_t offset) {
  const DeviceArray<float> from(std::vector<float>(threads, 2.0f));
  DeviceArray<float> to(threads);
  KONES_LAUNCH((planted ? copy_shifted<true> : copy_shifted<false>), dim3(1), dim3(threads), 0, nullptr,
               from.data(), to.data(), threads, offset);
  return to.to_host() == std::vector<float>(threads, 2.0f);
}

bool negative_index(bool planted) {
  return copies_shifted(planted, -1);
}

bool far_negative_index(bool planted) {
  return copies_shifted(planted, -2000000000);
}

bool far_index(bool planted) {
  return copies_shifted(planted, 100000);
}

struct Rows {
  int64_t count;
  const float* from;
  float* to;
};

/// Planted: reads past the end by a pointer that came in a structure.
template <bool Planted>
__global__ void copy_rows(Rows rows) {
  const auto i = static_cast<int64_t>(threadIdx.x);
  rows.to[i] = Planted || i < rows.count ? rows.from[i] : 2.0f;
}

bool pointer_in_structure(bool planted) {
  const DeviceArray<float> from(std::vector<float>(threads - 1, 2.0f));
  DeviceArray<float> to(threads);
  const Rows rows{threads - 1, from.data(), to.data()};
  KONES_LAUNCH((planted ? copy_rows<true> : copy_rows<false>), dim3(1), dim3(threads), 0, nullptr, rows);
  return to.to_host() == std::vector<float>(threads, 2.0f);
}

/// Planted: x is freed before the launch.
bool use_after_free(bool planted) {
  DeviceArray<float> to(threads);
  auto from = std::make_unique<DeviceArray<float>>(std::vector<float>(threads, 2.0f));
  const float* const x = from->data();
  if (planted) from.reset();
  KONES_LAUNCH(copy_shifted<false>, dim3(1), dim3(threads), 0, nullptr, x, to.data(), threads, int64_t{0});
  return to.to_host() == std::vector<float>(threads, 2.0f);
}

/// offsets[i] = row * width + i; planted: in 32 bits, past 2^31. Addresses alone: no such memory is touched.
template <bool Planted>
__global__ void row_offsets(long long* offsets, int row, int width) {
  const int column = static_cast<int>(threadIdx.x);
  const long long offset =
      Planted ? static_cast<long long>(row * width + column) : static_cast<long long>(row) * width + column;
  offsets[column] = offset;
}

bool index_past_2_to_31(bool planted) {
  DeviceArray<long long> to(32);
  KONES_LAUNCH((planted ? row_offsets<true> : row_offsets<false>), dim3(1), dim3(32), 0, nullptr, to.data(),
               65536, 65537);
  return to.to_host()[5] == 65536LL * 65537 + 5;
}

/// Planted: the pointer is the host's.
bool host_pointer(bool planted) {
  static int host_value = 0;
  DeviceArray<int> device_value(std::vector<int>{0});
  KONES_LAUNCH(add_to, dim3(1), dim3(32), 0, nullptr, planted ? &host_value : device_value.data());
  return planted ? host_value == 3 : device_value.to_host()[0] == 3;
}

/// Planted: the data are used without waiting for their asynchronous copy.
template <bool Planted>
__global__ void copy_asynchronously(const int4* x, int4* y) {
  __shared__ int4 tile[32];
  cuda::async_copy<16>(&tile[threadIdx.x], &x[threadIdx.x]);
  cuda::async_copy_commit();
  if (!Planted) cuda::async_copy_wait<0>();
  y[threadIdx.x] = tile[threadIdx.x];
}

bool missing_async_copy_wait(bool planted) {
  std::vector<int4> x(32);
  for (int i = 0; i < 32; ++i) x[static_cast<size_t>(i)] = make_int4(i, i, i, i);
  const DeviceArray<int4> from(x);
  DeviceArray<int4> to(32);
  KONES_LAUNCH((planted ? copy_asynchronously<true> : copy_asynchronously<false>), dim3(1), dim3(32), 0,
               nullptr, from.data(), to.data());
  const std::vector<int4> y = to.to_host();
  for (int i = 0; i < 32; ++i) {
    if (y[static_cast<size_t>(i)].w != i) return false;
  }
  return true;
}

}  // namespace

std::vector<SeededBug> memory_bugs() {
  return {{"global_read_past_tail", global_read_past_tail},
          {"shared_row_overrun", shared_row_overrun},
          {"dynamic_shared_overrun", dynamic_shared_overrun},
          {"uninitialised_shared", uninitialised_shared},
          {"uninitialised_half_tile", uninitialised_half_tile},
          {"uninitialised_global", uninitialised_global},
          {"stale_shared_tile", stale_shared_tile},
          {"misaligned_vector_load", misaligned_vector_load},
          {"misaligned_components", misaligned_components},
          {"misaligned_shared_components", misaligned_shared_components},
          {"negative_index", negative_index},
          {"far_negative_index", far_negative_index},
          {"far_index", far_index},
          {"pointer_in_structure", pointer_in_structure},
          {"use_after_free", use_after_free},
          {"index_past_2_to_31", index_past_2_to_31},
          {"host_pointer", host_pointer},
          {"missing_async_copy_wait", missing_async_copy_wait}};
}

}  // namespace kones::seeded
