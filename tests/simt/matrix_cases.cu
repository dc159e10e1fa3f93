// Matrix instructions against plain loops over whole matrices: the fragments' layouts are written out here a
// second time, as the kernels use them.
#include <cstdint>

#include "cuda/device_array.h"
#include "simt/cases.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::simt_tests {
namespace {

std::vector<uint32_t> random_words(size_t count, unsigned seed) {
  std::vector<uint32_t> words(count);
  for (size_t i = 0; i < count; ++i) words[i] = scrambled(seed + static_cast<unsigned>(i));
  return words;
}

enum class Product { b1_xor, b1_and, s8, u8 };

/// c[row][column] = op over the words of a's row and b's column.
std::vector<int> expected_product(Product product, const std::vector<uint32_t>& a,
                                  const std::vector<uint32_t>& b, int rows, int words, int start) {
  std::vector<int> c;
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < 8; ++column) {
      int sum = start;
      for (int word = 0; word < words; ++word) {
        const uint32_t x = a[static_cast<size_t>(row * words + word)];
        const uint32_t y = b[static_cast<size_t>(column * words + word)];
        for (int bit = 0; bit < 32; ++bit) {
          if (product == Product::b1_xor) sum += static_cast<int>((x ^ y) >> bit & 1u);
          if (product == Product::b1_and) sum += static_cast<int>((x & y) >> bit & 1u);
        }
        for (int byte = 0; byte < 4; ++byte) {
          const auto x_byte = static_cast<uint8_t>(x >> (8 * byte));
          const auto y_byte = static_cast<uint8_t>(y >> (8 * byte));
          if (product == Product::s8) sum += static_cast<int8_t>(x_byte) * static_cast<int8_t>(y_byte);
          if (product == Product::u8) sum += x_byte * y_byte;
        }
      }
      c.push_back(sum);
    }
  }
  return c;
}

template <Product P>
__global__ void small_product(const uint32_t* a, const uint32_t* b, int* c) {
  int sums[2] = {3, 3};
  if (P == Product::b1_xor) cuda::mma_b1_m8n8k128_xor(sums, a[threadIdx.x], b[threadIdx.x]);
  if (P == Product::b1_and) cuda::mma_b1_m8n8k128_and(sums, a[threadIdx.x], b[threadIdx.x]);
  c[2 * threadIdx.x] = sums[0];
  c[2 * threadIdx.x + 1] = sums[1];
}

template <Product P>
std::string small_products() {
  const std::vector<uint32_t> a = random_words(8 * 4, 1);
  const std::vector<uint32_t> b = random_words(8 * 4, 77);
  const DeviceArray<uint32_t> device_a(a);
  const DeviceArray<uint32_t> device_b(b);
  DeviceArray<int> c(64);
  KONES_LAUNCH(small_product<P>, dim3(1), dim3(32), 0, nullptr, device_a.data(), device_b.data(), c.data());
  return difference(c.to_host(), expected_product(P, a, b, 8, 4, 3));
}

template <Product P>
__global__ void large_product(const uint32_t* a, const uint32_t* b, int* c) {
  const unsigned g = threadIdx.x / 4;
  const unsigned q = threadIdx.x % 4;
  const uint32_t fragment_a[4] = {a[8 * g + q], a[8 * (g + 8) + q], a[8 * g + q + 4], a[8 * (g + 8) + q + 4]};
  const uint32_t fragment_b[2] = {b[8 * g + q], b[8 * g + q + 4]};
  int sums[4] = {5, 5, 5, 5};
  if (P == Product::b1_xor) cuda::mma_b1_m16n8k256_xor(sums, fragment_a, fragment_b);
  if (P == Product::b1_and) cuda::mma_b1_m16n8k256_and(sums, fragment_a, fragment_b);
  if (P == Product::s8) cuda::mma_s8_m16n8k32(sums, fragment_a, fragment_b);
  if (P == Product::u8) cuda::mma_u8_m16n8k32(sums, fragment_a, fragment_b);
  c[8 * g + 2 * q] = sums[0];
  c[8 * g + 2 * q + 1] = sums[1];
  c[8 * (g + 8) + 2 * q] = sums[2];
  c[8 * (g + 8) + 2 * q + 1] = sums[3];
}

/// Seen to fail on: registers 1 and 2 of a exchanged, xor for and, signed bytes taken as unsigned.
template <Product P>
std::string large_products() {
  const std::vector<uint32_t> a = random_words(16 * 8, 1);
  const std::vector<uint32_t> b = random_words(8 * 8, 1000);
  const DeviceArray<uint32_t> device_a(a);
  const DeviceArray<uint32_t> device_b(b);
  DeviceArray<int> c(128);
  KONES_LAUNCH(large_product<P>, dim3(1), dim3(32), 0, nullptr, device_a.data(), device_b.data(), c.data());
  return difference(c.to_host(), expected_product(P, a, b, 16, 8, 5));
}

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
  return {{"m8n8k128_xor", small_products<Product::b1_xor>},
          {"m8n8k128_and", small_products<Product::b1_and>},
          {"m16n8k256_xor", large_products<Product::b1_xor>},
          {"m16n8k256_and", large_products<Product::b1_and>},
          {"m16n8k32_s8", large_products<Product::s8>},
          {"m16n8k32_u8", large_products<Product::u8>},
          {"ldmatrix_x1", matrix_loads<1, false>},
          {"ldmatrix_x2", matrix_loads<2, false>},
          {"ldmatrix_x4", matrix_loads<4, false>},
          {"ldmatrix_x1_transposed", matrix_loads<1, true>},
          {"ldmatrix_x2_transposed", matrix_loads<2, true>},
          {"ldmatrix_x4_transposed", matrix_loads<4, true>}};
}

}  // namespace kones::simt_tests
