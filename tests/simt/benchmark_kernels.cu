#include <cstdint>
#include <memory>

#include "cuda/device_array.h"
#include "simt/benchmark_kernels.h"
#include "simt/cases.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"
#include "kones/numeric/philox.h"

namespace kones::simt_tests {
namespace {

constexpr int tile_rows = 64;
constexpr int tile_columns = 32;
constexpr int tile_words = 8;              // 256 bits
constexpr int row_words = tile_words + 4;  // so that rows fall on different banks

/// c = popcount(a & b) over rows of `words` 32-bit words; both sizes are multiples of the tile's.
__global__ void __launch_bounds__(128)
    tiled_and_product(const uint32_t* a, const uint32_t* b, int* c, int columns, int words) {
  __shared__ __align__(16) uint32_t tile_a[2][tile_rows][row_words];
  __shared__ __align__(16) uint32_t tile_b[2][tile_columns][row_words];
  const int t = static_cast<int>(threadIdx.x);
  const int warp = t / 32;
  const int g = t % 32 / 4;
  const int q = t % 4;
  const int64_t first_row = static_cast<int64_t>(blockIdx.y) * tile_rows;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * tile_columns;
  const auto load = [&](int buffer, int word) {
    cuda::async_copy<16>(&tile_a[buffer][t / 2][t % 2 * 4],
                         a + (first_row + t / 2) * words + word + t % 2 * 4);
    if (t < 2 * tile_columns) {
      cuda::async_copy<16>(&tile_b[buffer][t / 2][t % 2 * 4],
                           b + (first_column + t / 2) * words + word + t % 2 * 4);
    }
    cuda::async_copy_commit();
  };
  int sums[4][4] = {};
  int buffer = 0;
  load(0, 0);
  for (int word = 0; word < words; word += tile_words, buffer ^= 1) {
    if (word + tile_words < words) {
      load(buffer ^ 1, word + tile_words);
      cuda::async_copy_wait<1>();
    } else {
      cuda::async_copy_wait<0>();
    }
    __syncthreads();
    const uint32_t(&rows)[tile_rows][row_words] = tile_a[buffer];
    const int row = 16 * warp + g;
    const uint32_t fragment_a[4] = {rows[row][q], rows[row + 8][q], rows[row][q + 4], rows[row + 8][q + 4]};
    for (int part = 0; part < 4; ++part) {
      const uint32_t(&column)[row_words] = tile_b[buffer][8 * part + g];
      const uint32_t fragment_b[2] = {column[q], column[q + 4]};
      cuda::mma_b1_m16n8k256_and(sums[part], fragment_a, fragment_b);
    }
    __syncthreads();
  }
  for (int part = 0; part < 4; ++part) {
    for (int i = 0; i < 4; ++i) {
      c[(first_row + 16 * warp + g + 8 * (i / 2)) * columns + first_column + 8 * part + 2 * q + i % 2] =
          sums[part][i];
    }
  }
}

/// Four random words a thread, no collectives.
__global__ void light_threads(uint32_t* y, int count) {
  const auto i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const PhiloxBlock random = philox_block(RandomStream{1, 2}, static_cast<uint64_t>(i));
  y[i] = random.word[0] ^ random.word[1] ^ random.word[2] ^ random.word[3];
}

/// One __syncwarp a thread.
__global__ void warp_exchange(uint32_t* y) {
  __shared__ uint32_t values[256];
  values[threadIdx.x] = threadIdx.x;
  __syncwarp();
  y[blockIdx.x * blockDim.x + threadIdx.x] = values[threadIdx.x ^ 31u];
}

/// Five shuffles, a barrier and an atomic for eight elements a thread.
__global__ void block_sum(const uint32_t* x, unsigned* sum) {
  __shared__ uint32_t parts[8];
  uint32_t mine = 0;
  for (unsigned i = 0; i < 8; ++i) mine += x[(blockIdx.x * 8 + i) * blockDim.x + threadIdx.x];
  for (int distance = 16; distance > 0; distance /= 2) mine += __shfl_xor_sync(0xFFFFFFFFu, mine, distance);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = mine;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < 8; ++warp) mine += parts[warp];
    atomicAdd(sum, mine);
  }
}

}  // namespace

std::vector<Work> benchmark_work(double scale) {
  const int side = static_cast<int>(1024 * scale) / 64 * 64;
  constexpr int words = 64;
  const int count = static_cast<int>((1 << 22) * scale) / 2048 * 2048;
  std::vector<uint32_t> rows(static_cast<size_t>(side) * words);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = scrambled(static_cast<unsigned>(i / words));
  const auto a = std::make_shared<DeviceArray<uint32_t>>(rows);
  const auto c = std::make_shared<DeviceArray<int>>(static_cast<size_t>(side) * side);
  const auto y =
      std::make_shared<DeviceArray<uint32_t>>(std::vector<uint32_t>(static_cast<size_t>(count), 1u));
  const auto sum = std::make_shared<DeviceArray<unsigned>>(std::vector<unsigned>{0});
  const auto blocks = static_cast<unsigned>(count / 256);
  return {
      {"b1 mma m16n8k256 in a tiled product", static_cast<double>(side) * side * words * 32,
       "binary multiply-accumulates",
       [=] {
         const auto tiles = static_cast<unsigned>(side);
         KONES_LAUNCH(tiled_and_product, dim3(tiles / tile_columns, tiles / tile_rows), dim3(128), 0, nullptr,
                      a->data(), a->data(), c->data(), side, words);
       },
       [=] {
         const std::vector<int> got = c->to_host();
         for (size_t i = 0; i < got.size(); ++i) {
           const auto row = static_cast<unsigned>(i / static_cast<size_t>(side));
           const auto column = static_cast<unsigned>(i % static_cast<size_t>(side));
           if (got[i] != words * __popc(scrambled(row) & scrambled(column))) return false;
         }
         return !got.empty();
       }},
      {"light threads (Philox, no collectives)", static_cast<double>(count), "threads",
       [=] { KONES_LAUNCH(light_threads, dim3(blocks), dim3(256), 0, nullptr, y->data(), count); },
       [=] {
         const std::vector<uint32_t> got = y->to_host();
         for (size_t i = 0; i < got.size(); ++i) {
           const PhiloxBlock random = philox_block(RandomStream{1, 2}, i);
           if (got[i] != (random.word[0] ^ random.word[1] ^ random.word[2] ^ random.word[3])) return false;
         }
         return !got.empty();
       }},
      {"threads with one __syncwarp", static_cast<double>(count), "threads",
       [=] { KONES_LAUNCH(warp_exchange, dim3(blocks), dim3(256), 0, nullptr, y->data()); },
       [=] {
         const std::vector<uint32_t> got = y->to_host();
         for (size_t i = 0; i < got.size(); ++i) {
           if (got[i] != (i % 256 ^ 31u)) return false;
         }
         return !got.empty();
       }},
      {"sum of a block (5 shuffles, 1 barrier)", static_cast<double>(count), "elements",
       [=] {
         require_success(cudaMemset(sum->data(), 0, sizeof(unsigned)));
         KONES_LAUNCH(block_sum, dim3(blocks / 8), dim3(256), 0, nullptr, y->data(), sum->data());
       },
       [=] {
         unsigned expected = 0;
         for (const uint32_t value : y->to_host()) expected += value;
         return sum->to_host()[0] == expected && expected != 0;
       }},
  };
}

}  // namespace kones::simt_tests
