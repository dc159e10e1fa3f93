// The kernel of xnor_conv2d: a block's matrix product of bits, and what becomes of it.
#pragma once

#include <cstdint>

#include "kones/cuda/hardware.cuh"
#include "kones/cuda/xnor_copy.cuh"
#include "kones/cuda/xnor_epilogue.cuh"
#include "kones/cuda/xnor_launch.h"
#include "kones/cuda/xnor_multiply.cuh"

namespace kones::cuda {

template <typename Tile, int PieceBytes, XnorEngine Engine>
__device__ __forceinline__ void convolve_tile(const XnorLaunch& launch, unsigned char* shared) {
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int row_warp = warp / Tile::column_warps;
  const int column_warp = warp % Tile::column_warps;
  const BlockPlace place = block_place<Tile>(launch);
  const int stage_count = (launch.steps + 1) / 2;
  // A step of bytes has a loop of its own: two of them gain nothing.
  [[maybe_unused]] constexpr int unrolled_steps = Engine == XnorEngine::bytes ? 1 : 2;

  int32_t sums[Tile::row_tiles][Tile::column_tiles][4] = {};
  // Of the bits of x under an output, AND needs the number. Warps of the same rows count them for one tile of
  // rows each, from fragments that they hold anyway, on a pipe that matrix products leave idle; a column of
  // ones beside the weights would cost the tensor cores an eighth more, and a pass of its own memory traffic.
  int32_t ones[2] = {};
  {
    // The last slot is filled behind the loop's first barrier.
    const RowCopy<Tile, PieceBytes> rows(launch, place,
                                         reinterpret_cast<int4*>(shared + (stages - 1) * Tile::stage_bytes));
    ColumnCopy<Tile> columns(launch, place);
    const FragmentLoad<Tile> fragments(row_warp, column_warp);
    const auto start_copies = [&](int stage, int slot) {
      if (stage < stage_count) {
        unsigned char* const to = shared + slot * Tile::stage_bytes;
        rows.start(launch, stage, to);
        columns.start(launch, to + Tile::rows * stage_row_bytes);
      }
      // A group even where there is nothing to copy, so that the waits below count the same.
      async_copy_commit();
    };
#pragma unroll
    for (int stage = 0; stage < stages - 1; ++stage) start_copies(stage, stage);

    int slot = 0;
#pragma unroll 1
    for (int stage = 0; stage < stage_count; ++stage) {
      async_copy_wait<stages - 2>();
      // Everybody's copies are there, and nobody reads the slot that is filled next.
      __syncthreads();
      start_copies(stage + stages - 1, slot == 0 ? stages - 1 : slot - 1);
      const unsigned char* const from = shared + slot * Tile::stage_bytes;
#pragma unroll unrolled_steps
      for (int step = 0; step < 2; ++step) {
        if (step == 1 && 2 * stage + 1 == launch.steps) break;
        uint32_t a[Tile::row_tiles][4];
        uint32_t b[Tile::column_tiles][2];
        fragments.load(from, step, a, b);
        if (Engine != XnorEngine::exclusive_or) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            uint32_t bits = a[0][i];
#pragma unroll
            for (int tile = 1; tile < Tile::row_tiles; ++tile) bits = tile == column_warp ? a[tile][i] : bits;
            ones[i % 2] += __popc(bits);
          }
        }
        multiply_bits<Engine>(sums, a, b);
      }
      slot = slot == stages - 1 ? 0 : slot + 1;
    }
    async_copy_wait<0>();
  }
  // The pipeline's memory is free for the epilogue.
  __syncthreads();
  finish_tile<Tile, Engine>(launch, place, row_warp, column_warp, sums, ones, shared);
}

/// Blocks on a multiprocessor that registers are to leave room for: 768 threads with 80 each, or 512 with 128
/// where sums or widened bits take more.
template <typename Tile>
inline constexpr int resident_blocks =
    (device_engine == XnorEngine::bytes || Tile::row_tiles * Tile::column_tiles > 8 ? 512 : 768) /
    Tile::threads;

template <typename Tile, int PieceBytes>
__global__ void __launch_bounds__(Tile::threads, resident_blocks<Tile>)
    xnor_conv2d_kernel(const XnorLaunch launch) {
  KONES_DYNAMIC_SHARED(unsigned char, shared);
  if constexpr (KONES_DEVICE_CAPABILITY > 0) {
    convolve_tile<Tile, PieceBytes, device_engine>(launch, shared);
  } else if (launch.engine == XnorEngine::exclusive_or) {
    convolve_tile<Tile, PieceBytes, XnorEngine::exclusive_or>(launch, shared);
  } else if (launch.engine == XnorEngine::conjunction) {
    convolve_tile<Tile, PieceBytes, XnorEngine::conjunction>(launch, shared);
  } else {
    convolve_tile<Tile, PieceBytes, XnorEngine::bytes>(launch, shared);
  }
}

template <typename Tile>
void launch_xnor_tile(bool wide_pieces, unsigned blocks, const XnorLaunch& launch, Stream stream) {
  if (wide_pieces) {
    KONES_LAUNCH((xnor_conv2d_kernel<Tile, 16>), dim3(blocks), dim3(Tile::threads), Tile::pipeline_bytes,
                 stream, launch);
  } else {
    KONES_LAUNCH((xnor_conv2d_kernel<Tile, 8>), dim3(blocks), dim3(Tile::threads), Tile::pipeline_bytes,
                 stream, launch);
  }
}

}  // namespace kones::cuda
