// A warp's matrix products of bits, in the three forms that devices have. All take the same fragments: those
// of m16n8k256, which ldmatrix reads (kones/cuda/hardware.cuh).
#pragma once

#include <cstdint>

#include "kones/cuda/hardware.cuh"
#include "kones/cuda/xnor_launch.h"

namespace kones::cuda {

/// The engine of the device that nvcc compiles for.
inline constexpr XnorEngine device_engine = KONES_DEVICE_CAPABILITY >= 1000  ? XnorEngine::bytes
                                            : KONES_DEVICE_CAPABILITY >= 800 ? XnorEngine::conjunction
                                                                             : XnorEngine::exclusive_or;

/// sums += popcount(a op b) over 256 bits for RowTiles x ColumnTiles tiles of 16x8; op is XOR for
/// exclusive_or, else AND.
template <XnorEngine Engine, int RowTiles, int ColumnTiles>
__device__ __forceinline__ void multiply_bits(int32_t (&sums)[RowTiles][ColumnTiles][4],
                                              const uint32_t (&a)[RowTiles][4],
                                              const uint32_t (&b)[ColumnTiles][2]) {
  if constexpr (Engine == XnorEngine::conjunction) {
#pragma unroll
    for (int row = 0; row < RowTiles; ++row) {
#pragma unroll
      for (int column = 0; column < ColumnTiles; ++column)
        mma_b1_m16n8k256_and(sums[row][column], a[row], b[column]);
    }
  } else if constexpr (Engine == XnorEngine::exclusive_or) {
    // A quarter of a tile's product each. Neighbouring instructions have different sums: none waits for
    // another.
#pragma unroll
    for (int words = 0; words < 2; ++words) {
#pragma unroll
      for (int row = 0; row < RowTiles; ++row) {
#pragma unroll
        for (int column = 0; column < ColumnTiles; ++column) {
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            int32_t(&sum)[4] = sums[row][column];
            int32_t c[2] = {sum[2 * half], sum[2 * half + 1]};
            mma_b1_m8n8k128_xor(c, a[row][2 * words + half], b[column][words]);
            sum[2 * half] = c[0];
            sum[2 * half + 1] = c[1];
          }
        }
      }
    }
  } else {
    // Bit `bit` of each byte becomes a byte, 0 or 1. A thread widens its own bits to its own part of the
    // fragments; which of the sum's products meet in which instruction does not matter, as long as a and b
    // agree. Not unrolled: the next bits' bytes would not fit into registers, and these products are enough
    // to hide one's latency.
#pragma unroll 1
    for (int bit = 0; bit < 8; ++bit) {
      uint32_t wide_a[RowTiles][4];
#pragma unroll
      for (int row = 0; row < RowTiles; ++row) {
#pragma unroll
        for (int i = 0; i < 4; ++i) wide_a[row][i] = a[row][i] >> bit & 0x01010101u;
      }
#pragma unroll
      for (int column = 0; column < ColumnTiles; ++column) {
        const uint32_t wide_b[2] = {b[column][0] >> bit & 0x01010101u, b[column][1] >> bit & 0x01010101u};
#pragma unroll
        for (int row = 0; row < RowTiles; ++row) mma_u8_m16n8k32(sums[row][column], wide_a[row], wide_b);
      }
    }
  }
}

}  // namespace kones::cuda
