// Planted bugs in the use of the tensor core's binary matrix product.
#include <cstdint>

#include "cuda/device_array.h"
#include "simt/seeded/seeded.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::seeded {
namespace {

/// c[16][8] = popcount(a[i] & b[j]) over 256 bits: one m16n8k256 (PTX ISA, "Matrix fragments for
/// mma.m16n8k256"). Planted: the second and the third register of the fragment of a are exchanged.
template <bool Planted>
__global__ void and_product(const uint32_t* a, const uint32_t* b, int* c) {
  const int group = static_cast<int>(threadIdx.x) / 4;
  const int member = static_cast<int>(threadIdx.x) % 4;
  uint32_t fragment_a[4] = {a[group * 8 + member], a[(group + 8) * 8 + member], a[group * 8 + member + 4],
                            a[(group + 8) * 8 + member + 4]};
  if (Planted) {
    const uint32_t second = fragment_a[1];
    fragment_a[1] = fragment_a[2];
    fragment_a[2] = second;
  }
  const uint32_t fragment_b[2] = {b[group * 8 + member], b[group * 8 + member + 4]};
  int sums[4] = {0, 0, 0, 0};
  cuda::mma_b1_m16n8k256_and(sums, fragment_a, fragment_b);
  for (int i = 0; i < 4; ++i) c[(group + 8 * (i / 2)) * 8 + 2 * member + i % 2] = sums[i];
}

uint32_t scrambled(uint32_t x) {
  x *= 0x9E3779B9u;
  return x ^ (x >> 15) ^ (x << 7);
}

bool swapped_mma_registers(bool planted) {
  std::vector<uint32_t> a(16 * 8);
  std::vector<uint32_t> b(8 * 8);
  for (size_t i = 0; i < a.size(); ++i) a[i] = scrambled(static_cast<uint32_t>(i) + 1);
  for (size_t i = 0; i < b.size(); ++i) b[i] = scrambled(static_cast<uint32_t>(i) + 1000);
  const DeviceArray<uint32_t> device_a(a);
  const DeviceArray<uint32_t> device_b(b);
  DeviceArray<int> device_c(16 * 8);
  KONES_LAUNCH((planted ? and_product<true> : and_product<false>), dim3(1), dim3(32), 0, nullptr,
               device_a.data(), device_b.data(), device_c.data());
  const std::vector<int> c = device_c.to_host();
  for (size_t row = 0; row < 16; ++row) {
    for (size_t column = 0; column < 8; ++column) {
      int sum = 0;
      for (size_t word = 0; word < 8; ++word)
        sum += __builtin_popcount(a[row * 8 + word] & b[column * 8 + word]);
      if (c[row * 8 + column] != sum) return false;
    }
  }
  return true;
}

/// Planted: a lane leaves the warp's product out.
template <bool Planted>
__global__ void product_without_a_lane(int* c) {
  int sums[4] = {0, 0, 0, 0};
  const uint32_t a[4] = {1, 1, 1, 1};
  const uint32_t b[2] = {1, 1};
  if (!Planted || threadIdx.x != 9) cuda::mma_b1_m16n8k256_and(sums, a, b);
  c[threadIdx.x] = sums[0];
}

bool lane_leaves_mma_out(bool planted) {
  DeviceArray<int> c(32);
  KONES_LAUNCH((planted ? product_without_a_lane<true> : product_without_a_lane<false>), dim3(1), dim3(32), 0,
               nullptr, c.data());
  return c.to_host() == std::vector<int>(32, 8);
}

}  // namespace

std::vector<SeededBug> matrix_bugs() {
  return {{"swapped_mma_registers", swapped_mma_registers}, {"lane_leaves_mma_out", lane_leaves_mma_out}};
}

}  // namespace kones::seeded
