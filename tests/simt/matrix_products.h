// Products by matrix instructions, and by plain loops over whole matrices: the fragments' layouts are written
// out here a second time, as kernels use them.
#pragma once

#include <cstdint>

#include "cuda/device_array.h"
#include "simt/cases.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::simt_tests {
// Each file that includes this has kernels of its own.
namespace {

inline std::vector<uint32_t> random_words(size_t count, unsigned seed) {
  std::vector<uint32_t> words(count);
  for (size_t i = 0; i < count; ++i) words[i] = scrambled(seed + static_cast<unsigned>(i));
  return words;
}

enum class Product { b1_xor, b1_and, s8, u8 };

/// What the accumulators of `count` elements start from: numbers that differ by lane and register, so that an
/// exchange of two shows.
inline std::vector<int> starts(size_t count) {
  std::vector<int> c(count);
  for (size_t i = 0; i < count; ++i) c[i] = static_cast<int>(scrambled(static_cast<unsigned>(i)) % 1000000u);
  return c;
}

/// starts()[row][column] + op over the words of a's row and b's column.
inline std::vector<int> expected_product(Product product, const std::vector<uint32_t>& a,
                                         const std::vector<uint32_t>& b, int rows, int words) {
  std::vector<int> c = starts(static_cast<size_t>(8 * rows));
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < 8; ++column) {
      int sum = 0;
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
      c[static_cast<size_t>(8 * row + column)] += sum;
    }
  }
  return c;
}

template <Product P>
__global__ void small_product(const uint32_t* a, const uint32_t* b, int* c) {
  int sums[2] = {c[2 * threadIdx.x], c[2 * threadIdx.x + 1]};
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
  DeviceArray<int> c(starts(64));
  KONES_LAUNCH(small_product<P>, dim3(1), dim3(32), 0, nullptr, device_a.data(), device_b.data(), c.data());
  return difference(c.to_host(), expected_product(P, a, b, 8, 4));
}

}  // namespace
}  // namespace kones::simt_tests
