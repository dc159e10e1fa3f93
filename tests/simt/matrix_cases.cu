// Matrix instructions that every device has: the small product by xor, and loads.
#include <cstdint>

#include "cuda/device_array.h"
#include "simt/cases.h"
#include "simt/matrix_products.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::simt_tests {
namespace {

template <int Count, bool Transposed>
__global__ void load_kernel(const uint32_t* x, uint32_t* y) {
  __shared__ __align__(16) uint32_t rows[32][4];
  for (int word = 0; word < 4; ++word) rows[threadIdx.x][word] = x[4 * threadIdx.x + word];
  __syncwarp();
  uint32_t result[Count];
  if (Transposed) {
    cuda::load_matrix_transposed(result, rows[threadIdx.x]);
  } else {
    cuda::load_matrix(result, rows[threadIdx.x]);
  }
  for (int matrix = 0; matrix < Count; ++matrix) y[Count * threadIdx.x + matrix] = result[matrix];
}

/// Seen to fail on: rows and columns exchanged in the transposed form, matrices 1 and 2 exchanged.
template <int Count, bool Transposed>
std::string matrix_loads() {
  const std::vector<uint32_t> x = random_words(128, 5);
  const DeviceArray<uint32_t> from(x);
  DeviceArray<uint32_t> to(32 * Count);
  KONES_LAUNCH((load_kernel<Count, Transposed>), dim3(1), dim3(32), 0, nullptr, from.data(), to.data());
  std::vector<uint32_t> expected;
  const auto element = [&](int matrix, int row, int column) {
    return x[static_cast<size_t>(4 * (8 * matrix + row) + column / 2)] >> (16 * (column % 2)) & 0xFFFFu;
  };
  for (int lane = 0; lane < 32; ++lane) {
    for (int matrix = 0; matrix < Count; ++matrix) {
      const int g = lane / 4;
      const int q = lane % 4;
      expected.push_back(Transposed ? element(matrix, 2 * q, g) | element(matrix, 2 * q + 1, g) << 16
                                    : x[static_cast<size_t>(4 * (8 * matrix + g) + q)]);
    }
  }
  return difference(to.to_host(), expected);
}

}  // namespace

std::vector<Case> matrix_cases() {
  return {
      {"m8n8k128_xor", small_products<Product::b1_xor>}, {"ldmatrix_x1", matrix_loads<1, false>},
      {"ldmatrix_x2", matrix_loads<2, false>},           {"ldmatrix_x4", matrix_loads<4, false>},
      {"ldmatrix_x1_transposed", matrix_loads<1, true>}, {"ldmatrix_x2_transposed", matrix_loads<2, true>},
      {"ldmatrix_x4_transposed", matrix_loads<4, true>}};
}

}  // namespace kones::simt_tests
