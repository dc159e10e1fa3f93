// Matrix products of devices from 8.0 on.
#include <cstdint>

#include "cuda/device_array.h"
#include "simt/cases.h"
#include "simt/matrix_products.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::simt_tests {
namespace {

template <Product P>
__global__ void large_product(const uint32_t* a, const uint32_t* b, int* c) {
  const unsigned g = threadIdx.x / 4;
  const unsigned q = threadIdx.x % 4;
  const uint32_t fragment_a[4] = {a[8 * g + q], a[8 * (g + 8) + q], a[8 * g + q + 4], a[8 * (g + 8) + q + 4]};
  const uint32_t fragment_b[2] = {b[8 * g + q], b[8 * g + q + 4]};
  int sums[4] = {c[8 * g + 2 * q], c[8 * g + 2 * q + 1], c[8 * (g + 8) + 2 * q], c[8 * (g + 8) + 2 * q + 1]};
  if (P == Product::b1_xor) cuda::mma_b1_m16n8k256_xor(sums, fragment_a, fragment_b);
  if (P == Product::b1_and) cuda::mma_b1_m16n8k256_and(sums, fragment_a, fragment_b);
  if (P == Product::s8) cuda::mma_s8_m16n8k32(sums, fragment_a, fragment_b);
  if (P == Product::u8) cuda::mma_u8_m16n8k32(sums, fragment_a, fragment_b);
  c[8 * g + 2 * q] = sums[0];
  c[8 * g + 2 * q + 1] = sums[1];
  c[8 * (g + 8) + 2 * q] = sums[2];
  c[8 * (g + 8) + 2 * q + 1] = sums[3];
}

/// Seen to fail on: registers 1 and 2 of a exchanged, accumulators 0 and 1 exchanged, xor for and, signed
/// bytes taken as unsigned.
template <Product P>
std::string large_products() {
  const std::vector<uint32_t> a = random_words(16 * 8, 1);
  const std::vector<uint32_t> b = random_words(8 * 8, 1000);
  const DeviceArray<uint32_t> device_a(a);
  const DeviceArray<uint32_t> device_b(b);
  DeviceArray<int> c(starts(128));
  KONES_LAUNCH(large_product<P>, dim3(1), dim3(32), 0, nullptr, device_a.data(), device_b.data(), c.data());
  return difference(c.to_host(), expected_product(P, a, b, 16, 8));
}

}  // namespace

std::vector<Case> matrix_80_cases() {
  return {{"m8n8k128_and", small_products<Product::b1_and>},
          {"m16n8k256_xor", large_products<Product::b1_xor>},
          {"m16n8k256_and", large_products<Product::b1_and>},
          {"m16n8k32_s8", large_products<Product::s8>},
          {"m16n8k32_u8", large_products<Product::u8>}};
}

}  // namespace kones::simt_tests
