// How a block's operands come into shared memory, and from there into fragments. The convolution is a matrix
// product that is never laid out (Chellapilla, Puri and Simard, 2006, without the copy): rows are output
// pixels, columns a group's output channels, and the sum runs over its taps and their words. A stage is two
// steps of 256 bits: rows of 64 bytes, four pieces of 16.
#pragma once

#include <cstdint>

#include "kones/cuda/hardware.cuh"
#include "kones/cuda/xnor_launch.h"

namespace kones::cuda {

constexpr int stage_row_bytes = 64;
constexpr int stages = 3;

/// RowWarps x ColumnWarps warps, each with RowTiles x ColumnTiles tiles of 16x8.
template <int RowWarps, int ColumnWarps, int RowTiles, int ColumnTiles>
struct Tile {
  static constexpr int row_warps = RowWarps;
  static constexpr int column_warps = ColumnWarps;
  static constexpr int row_tiles = RowTiles;
  static constexpr int column_tiles = ColumnTiles;
  static constexpr int threads = 32 * RowWarps * ColumnWarps;
  static constexpr int warp_rows = 16 * RowTiles;
  static constexpr int warp_columns = 8 * ColumnTiles;
  static constexpr int rows = RowWarps * warp_rows;
  static constexpr int columns = ColumnWarps * warp_columns;
  static constexpr int stage_bytes = (rows + columns) * stage_row_bytes;
  static constexpr int pipeline_bytes = stages * stage_bytes;
  static_assert(RowTiles == ColumnWarps, "each warp counts the bits of one of its tiles of rows");
  static_assert(warp_columns % 32 == 0, "a warp writes whole halves of words");
};

/// Which part of a launch the block computes.
struct BlockPlace {
  uint32_t group;
  int32_t first_row;
  int32_t first_column;  ///< in the group
};

template <typename Tile>
__device__ __forceinline__ BlockPlace block_place(const XnorLaunch& launch) {
  // Blocks of the same rows follow each other: what they share of x is in the second-level cache.
  const uint32_t row_tile = divide(blockIdx.x, launch.column_tiles);
  const uint32_t column_tile = blockIdx.x - row_tile * launch.column_tiles.divisor;
  const uint32_t group = divide(column_tile, launch.group_tiles);
  return {group, static_cast<int32_t>(row_tile * Tile::rows),
          static_cast<int32_t>((column_tile - group * launch.group_tiles.divisor) * Tile::columns)};
}

/// An output pixel.
struct OutputPixel {
  uint32_t image;
  uint32_t pixel;
  int32_t top;  ///< where its first tap is in the input, which may be outside
  int32_t left;
};

__device__ __forceinline__ OutputPixel output_pixel(const XnorLaunch& launch, int32_t row) {
  const uint32_t image = divide(static_cast<uint32_t>(row), launch.out_pixels);
  const uint32_t pixel = static_cast<uint32_t>(row) - image * launch.out_pixels.divisor;
  const uint32_t y = divide(pixel, launch.out_width);
  const uint32_t x = pixel - y * launch.out_width.divisor;
  return {image, pixel, static_cast<int32_t>(y) * launch.stride_height - launch.padding_height,
          static_cast<int32_t>(x) * launch.stride_width - launch.padding_width};
}

/// Where 16-byte piece `piece` of a row is in a stage. Pieces are exchanged so that eight rows' pieces of the
/// same number, which ldmatrix reads at once, lie in different banks.
__device__ __forceinline__ int piece_offset(int row, int piece) {
  return row * stage_row_bytes + ((piece ^ (row >> 1 & 3)) << 4);
}

/// Copies rows of x. A thread has one place in the stage's rows, and so one tap at a time, for several rows.
template <typename Tile, int PieceBytes>
class RowCopy {
 public:
  /// `table` is shared memory for 16 bytes of each row, free again behind the next barrier. All threads of
  /// the block take part: several have the same rows, whose places take divisions to find.
  __device__ __forceinline__ RowCopy(const XnorLaunch& launch, const BlockPlace& place, int4* table) {
    piece_ = threadIdx.x % row_pieces;
    group_ = reinterpret_cast<uint64_t>(launch.x + static_cast<int64_t>(place.group) * launch.group_words);
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < Tile::rows; i += Tile::threads) {
      const int32_t row = place.first_row + i;
      const OutputPixel pixel = output_pixel(launch, row < launch.rows ? row : 0);
      // With this top no tap of a row past the last is inside. The pixel's number is modulo 2^32: what lies
      // between may be outside.
      table[i] = {
          row < launch.rows ? pixel.top : INT32_MIN, pixel.left,
          static_cast<int32_t>(pixel.image * static_cast<uint32_t>(launch.image_pixels) +
                               static_cast<uint32_t>(pixel.top) * static_cast<uint32_t>(launch.in_width) +
                               static_cast<uint32_t>(pixel.left)),
          0};
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < own_rows; ++i) {
      const int4 row = table[block_row(i)];
      top_[i] = row.x;
      left_[i] = row.y;
      pixel_[i] = static_cast<uint32_t>(row.z);
    }
  }

  /// Starts the copies of a stage; taps outside the input become 0.
  __device__ __forceinline__ void start(const XnorLaunch& launch, int stage, unsigned char* to) const {
    const uint32_t number = static_cast<uint32_t>(stage * row_pieces) + piece_;
    const uint32_t tap = divide(number, launch.tap_pieces);
    const uint32_t piece_of_tap = number - tap * launch.tap_pieces.divisor;
    const uint32_t tap_row = divide(tap, launch.kernel_columns);
    const int32_t y = static_cast<int32_t>(tap_row * launch.dilation_height.divisor);
    const int32_t x =
        static_cast<int32_t>((tap - tap_row * launch.kernel_columns.divisor) * launch.dilation_width.divisor);
    const uint32_t offset =
        static_cast<uint32_t>(y) * static_cast<uint32_t>(launch.in_width) + static_cast<uint32_t>(x);
    // Whole numbers, since the address of a tap outside is never read, and points anywhere.
    const uint64_t from = group_ + piece_of_tap * PieceBytes;
    const bool is_tap = tap < static_cast<uint32_t>(launch.taps);
    unsigned char* const column = to +
                                  piece_offset(block_row(0), static_cast<int>(piece_ * PieceBytes / 16)) +
                                  piece_ * PieceBytes % 16;
#pragma unroll
    for (int i = 0; i < own_rows; ++i) {
      const bool inside = is_tap &&
                          static_cast<uint32_t>(top_[i] + y) < static_cast<uint32_t>(launch.in_height) &&
                          static_cast<uint32_t>(left_[i] + x) < static_cast<uint32_t>(launch.in_width);
      async_copy_if<PieceBytes>(
          inside, column + i * rows_apart * stage_row_bytes,
          reinterpret_cast<const void*>(from + uint64_t{pixel_[i] + offset} * launch.pixel_bytes));
    }
  }

 private:
  static constexpr int row_pieces = stage_row_bytes / PieceBytes;
  static constexpr int rows_apart = Tile::threads / row_pieces;
  static constexpr int own_rows = Tile::rows / rows_apart;
  static_assert(rows_apart % 8 == 0, "a thread's rows have their pieces exchanged alike");

  __device__ __forceinline__ static int block_row(int i) {
    return static_cast<int>(threadIdx.x) / row_pieces + i * rows_apart;
  }

  uint32_t piece_;
  int32_t top_[own_rows];
  int32_t left_[own_rows];
  uint32_t pixel_[own_rows];  ///< of the first tap, among those of all images; wrong where that is outside
  uint64_t group_;
};

/// Copies the weights of the block's columns.
template <typename Tile>
class ColumnCopy {
 public:
  __device__ __forceinline__ ColumnCopy(const XnorLaunch& launch, const BlockPlace& place) {
    const uint32_t piece = threadIdx.x % 4;
    column_ = static_cast<uint32_t>(place.first_column) + threadIdx.x / 4;
    step_ = piece / 2;
    from_ = reinterpret_cast<uint64_t>(launch.weight_bits) +
            ((static_cast<uint64_t>(place.group) * static_cast<uint32_t>(launch.steps) + step_) *
                 static_cast<uint32_t>(launch.columns) +
             column_) *
                32 +
            piece % 2 * 16;
    offset_ = piece_offset(static_cast<int>(threadIdx.x) / 4, static_cast<int>(piece));
  }

  /// Starts the copies of the stage after the last one's.
  __device__ __forceinline__ void start(const XnorLaunch& launch, unsigned char* to) {
#pragma unroll
    for (int i = 0; i < own_columns; ++i) {
      const bool present = step_ < static_cast<uint32_t>(launch.steps) &&
                           column_ + i * columns_apart < static_cast<uint32_t>(launch.columns);
      async_copy_if<16>(present, to + offset_ + i * columns_apart * stage_row_bytes,
                        reinterpret_cast<const void*>(from_ + i * columns_apart * 32));
    }
    from_ += uint64_t{static_cast<uint32_t>(launch.columns)} * 64;
    step_ += 2;
  }

 private:
  static constexpr int columns_apart = Tile::threads / 4;
  static constexpr int own_columns = Tile::columns / columns_apart;

  uint32_t column_;
  uint32_t step_;
  int offset_;
  uint64_t from_;  ///< never read where it is past the weights
};

/// Reads a warp's fragments from a stage.
template <typename Tile>
class FragmentLoad {
 public:
  __device__ __forceinline__ FragmentLoad(int row_warp, int column_warp) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int matrix = lane / 8;
    // Of a tile of rows: the matrices of rows 0 .. 7 and 8 .. 15 in the step's first half, then in its
    // second.
    row_offset_ = piece_offset(row_warp * Tile::warp_rows + matrix % 2 * 8 + lane % 8, matrix / 2);
    // Of two tiles of columns: both halves of the first, then of the second.
    column_offset_ = Tile::rows * stage_row_bytes +
                     piece_offset(column_warp * Tile::warp_columns + matrix / 2 * 8 + lane % 8, matrix % 2);
  }

  /// Of a step, the second of whose pieces are two further, in rows where pieces are exchanged by XOR.
  __device__ __forceinline__ void load(const unsigned char* stage, int step,
                                       uint32_t (&a)[Tile::row_tiles][4],
                                       uint32_t (&b)[Tile::column_tiles][2]) const {
#pragma unroll
    for (int tile = 0; tile < Tile::row_tiles; ++tile)
      load_matrix(a[tile], stage + (row_offset_ ^ step * 32) + tile * 16 * stage_row_bytes);
#pragma unroll
    for (int tile = 0; tile < Tile::column_tiles; tile += 2) {
      uint32_t both[4];
      load_matrix(both, stage + (column_offset_ ^ step * 32) + tile * 8 * stage_row_bytes);
      b[tile][0] = both[0];
      b[tile][1] = both[1];
      b[tile + 1][0] = both[2];
      b[tile + 1][1] = both[3];
    }
  }

 private:
  int row_offset_;
  int column_offset_;
};

}  // namespace kones::cuda
