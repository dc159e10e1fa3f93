// From a block's counts of bits to what was asked for: sums, their signs as words, values.
#pragma once

#include <cstdint>

#include "kones/cuda/hardware.cuh"
#include "kones/cuda/xnor_copy.cuh"
#include "kones/cuda/xnor_launch.h"
#include "kones/cuda/xnor_values.cuh"

namespace kones::cuda {

/// A block's rows and columns, in the shared memory that the copies have left. A warp's part of `staged` is
/// 16 rows, apart so that neither order of reading it meets in few banks.
template <typename Tile>
struct EpilogueMemory {
  static constexpr int dense_channel_stride = Tile::warp_columns + 8;
  static constexpr int dense_pixel_stride = Tile::warp_columns + 2;

  int32_t staged[Tile::row_warps * Tile::column_warps][16 * dense_channel_stride];
  int64_t offset[Tile::rows];       ///< of a row's first value, without channels
  int32_t tap_rows[Tile::rows][2];  ///< the first and the end of those that are inside the input
  int32_t tap_columns[Tile::rows][2];
  int32_t ones[Tile::rows];  ///< bits of x under the row's output
  float scale[Tile::columns];
  float bias[Tile::columns];
  float slope[Tile::columns];
  float shift[Tile::columns];
  float sign_threshold[Tile::columns];
  int32_t threshold[Tile::columns];
  uint32_t flipped[Tile::columns / 32];  ///< a bit for each column
};

/// The first of `count` taps at `start`, `start + dilation` .. that is not below 0, and the first from there
/// on that is not below `size`.
__device__ __forceinline__ void taps_inside(int32_t start, int32_t size, int32_t count,
                                            const Divider& dilation, int32_t (&range)[2]) {
  const auto taps_below = [&](int32_t limit) {
    if (limit <= start) return int32_t{0};
    const auto taps = static_cast<int32_t>((divide(static_cast<uint32_t>(limit - start - 1), dilation)) + 1);
    return taps < count ? taps : count;
  };
  range[0] = taps_below(0);
  range[1] = taps_below(size);
}

/// Whether words come from sums, and whether values are made, to be stored or for their signs.
__device__ __forceinline__ bool has_words_of_sums(const XnorLaunch& launch) {
  return launch.words != nullptr && launch.thresholds.threshold != nullptr;
}
__device__ __forceinline__ bool has_values(const XnorLaunch& launch) {
  return launch.values != nullptr || (launch.words != nullptr && launch.thresholds.threshold == nullptr);
}

/// Fills the memory but for `staged`. All threads of the block take part.
template <typename Tile, XnorEngine Engine>
__device__ __forceinline__ void describe_tile(const XnorLaunch& launch, const BlockPlace& place, int row_warp,
                                              int column_warp, const int32_t (&ones)[2],
                                              EpilogueMemory<Tile>& memory) {
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll 1
  for (int row = thread; row < Tile::rows; row += Tile::threads) {
    const bool present = place.first_row + row < launch.rows;
    const OutputPixel pixel = output_pixel(launch, present ? place.first_row + row : 0);
    if (has_values(launch))
      memory.offset[row] = pixel.image * launch.batch_stride + pixel.pixel * launch.pixel_stride;
    taps_inside(pixel.top, launch.in_height, launch.kernel_height, launch.dilation_height,
                memory.tap_rows[row]);
    taps_inside(pixel.left, launch.in_width, launch.kernel_width, launch.dilation_width,
                memory.tap_columns[row]);
  }

  if (Engine != XnorEngine::exclusive_or) {
    // The four threads of a row have a word each of what they counted.
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int32_t count = ones[half];
      count += __shfl_xor_sync(0xFFFFFFFFu, count, 1);
      count += __shfl_xor_sync(0xFFFFFFFFu, count, 2);
      if (thread % 4 == 0)
        memory.ones[row_warp * Tile::warp_rows + column_warp * 16 + half * 8 + thread % 32 / 4] = count;
    }
  } else {
#pragma unroll 1
    for (int row = thread; row < Tile::rows; row += Tile::threads) memory.ones[row] = 0;
  }

  const int32_t channel_of_group = place.first_column + thread;
  const bool is_column = thread < Tile::columns;
  const bool is_channel = is_column && channel_of_group < launch.group_out_channels;
  const int64_t channel =
      static_cast<int64_t>(place.group) * launch.group_out_channels + (is_channel ? channel_of_group : 0);
  const XnorEpilogue& epilogue = launch.epilogue;
  if (is_column && has_values(launch)) {
    memory.scale[thread] = epilogue.scale != nullptr ? epilogue.scale[channel] : 1.0f;
    // Adding 0 makes +0 of -0: no result is -0.
    memory.bias[thread] = (epilogue.bias != nullptr ? epilogue.bias[channel] : 0.0f) + 0.0f;
    memory.slope[thread] = epilogue.slope != nullptr ? epilogue.slope[channel] : 0.0f;
    memory.shift[thread] = (epilogue.shift != nullptr ? epilogue.shift[channel] : 0.0f) + 0.0f;
    memory.sign_threshold[thread] = launch.sign_threshold != nullptr ? launch.sign_threshold[channel] : 0.0f;
  }
  // No sum is below this: the bits of columns without a channel are 0.
  if (is_column) {
    memory.threshold[thread] = is_channel && launch.thresholds.threshold != nullptr
                                   ? launch.thresholds.threshold[channel]
                                   : INT32_MIN;
  }
  const bool flipped =
      is_channel && launch.thresholds.flipped != nullptr && launch.thresholds.flipped[channel] != 0;
  const uint32_t flips = __ballot_sync(0xFFFFFFFFu, flipped);
  if (is_column && thread % 32 == 0) memory.flipped[thread / 32] = flips;
}

/// 2 sum + more, modulo 2^32: twice a count of up to 2^31 - 1 may be past int32, the result is not.
__device__ __forceinline__ int32_t twice_and(int32_t sum, int32_t more) {
  return static_cast<int32_t>(2 * static_cast<uint32_t>(sum) + static_cast<uint32_t>(more));
}

/// Turns a warp's counts into sums. With K products inside the input, a popcount of x under the output A and
/// of the weights over the same taps W: K - 2A - 2W + 4 popcount(x & w), and, since words outside are 0 and
/// w ^ 0 counts the weights of all taps V, K + 2 (V - W) - 2 popcount(x ^ w).
template <typename Tile, XnorEngine Engine>
__device__ __forceinline__ void counts_to_sums(const XnorLaunch& launch, const BlockPlace& place,
                                               int row_warp, int column_warp,
                                               const EpilogueMemory<Tile>& memory,
                                               int32_t (&sums)[Tile::row_tiles][Tile::column_tiles][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const uint32_t table_row = static_cast<uint32_t>(launch.kernel_width + 1);
  const uint32_t corners = static_cast<uint32_t>(launch.kernel_height + 1) * table_row;
  // A tile's last columns may be past those of the weights: they count some other's.
  const int32_t first_column = place.first_column + column_warp * Tile::warp_columns;
  const int32_t* const tables =
      launch.weight_ones + uint64_t{place.group} * corners * launch.columns + lane % 4 * 2;
  const auto ones_at = [&](uint32_t corner, int tile) {
    const int32_t column = first_column + tile / 4 * 32;
    const int32_t* const from = tables + uint64_t{corner} * static_cast<uint32_t>(launch.columns) +
                                (column < launch.columns ? column : 0);
    return *reinterpret_cast<const int2*>(from + tile % 4 * 8);
  };

  const auto tile_row = [&](int row_tile, int half) {
    return row_warp * Tile::warp_rows + row_tile * 16 + half * 8 + lane / 4;
  };
  const auto taps_of = [&](int row) {
    return (memory.tap_rows[row][1] - memory.tap_rows[row][0]) *
           (memory.tap_columns[row][1] - memory.tap_columns[row][0]);
  };

  // First the sums without what does not depend on the column, halved, as they are where all taps are inside.
  bool whole[Tile::row_tiles][2];
#pragma unroll
  for (int row_tile = 0; row_tile < Tile::row_tiles; ++row_tile) {
#pragma unroll
    for (int half = 0; half < 2; ++half)
      whole[row_tile][half] = taps_of(tile_row(row_tile, half)) == launch.taps;
  }
#pragma unroll
  for (int tile = 0; tile < Tile::column_tiles; ++tile) {
    const int2 all = ones_at(corners - 1, tile);
#pragma unroll
    for (int row_tile = 0; row_tile < Tile::row_tiles; ++row_tile) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const bool inside = whole[row_tile][half];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          int32_t& sum = sums[row_tile][tile][2 * half + i];
          const int32_t ones = i == 0 ? all.x : all.y;
          sum = Engine == XnorEngine::exclusive_or ? (inside ? 0 : ones) - sum
                                                   : twice_and(sum, inside ? -ones : 0);
        }
      }
    }
  }
  // Then what the taps that are inside count elsewhere: the rectangle's corners.
#pragma unroll
  for (int row_tile = 0; row_tile < Tile::row_tiles; ++row_tile) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = tile_row(row_tile, half);
      const int corner_count = whole[row_tile][half] ? 0 : 4;
#pragma unroll 1
      for (int corner = 0; corner < corner_count; ++corner) {
        const int low = corner / 2;
        const int left = corner % 2;
        const int32_t sign = low == left ? 1 : -1;
        const uint32_t at = static_cast<uint32_t>(memory.tap_rows[row][1 - low]) * table_row +
                            static_cast<uint32_t>(memory.tap_columns[row][1 - left]);
#pragma unroll
        for (int tile = 0; tile < Tile::column_tiles; ++tile) {
          const int2 ones = ones_at(at, tile);
          sums[row_tile][tile][2 * half] -= sign * ones.x;
          sums[row_tile][tile][2 * half + 1] -= sign * ones.y;
        }
      }
      const int32_t constant = twice_and(-memory.ones[row], taps_of(row) * launch.group_channels);
#pragma unroll
      for (int tile = 0; tile < Tile::column_tiles; ++tile) {
        sums[row_tile][tile][2 * half] = twice_and(sums[row_tile][tile][2 * half], constant);
        sums[row_tile][tile][2 * half + 1] = twice_and(sums[row_tile][tile][2 * half + 1], constant);
      }
    }
  }
}

/// Stores 32 bits of an output pixel, those from channel `column` of the group on.
__device__ __forceinline__ void store_half(const XnorLaunch& launch, const BlockPlace& place, int32_t row,
                                           int32_t column, uint32_t bits) {
  if (row >= launch.rows || column >= launch.group_out_channels) return;
  const int64_t channel = static_cast<int64_t>(place.group) * launch.group_out_channels + column;
  const int64_t half = channel / 32;
  uint32_t* const to = launch.words + row * launch.word_halves + half;
  if (launch.whole_halves) {
    *to = bits;
    // Nobody else has the last word's second half.
    if (channel + 32 >= launch.out_channels && half % 2 == 0) to[1] = 0;
  } else {
    // Other groups have bits of the same words, which are 0 before the launch.
    const auto shift = static_cast<uint32_t>(channel % 32);
    if (bits << shift != 0) atomicOr(to, bits << shift);
    const uint32_t rest = shift == 0 ? 0 : bits >> (32 - shift);
    if (rest != 0) atomicOr(to + 1, rest);
  }
}

/// Words by integer thresholds, from the registers that the sums are in.
template <typename Tile>
__device__ __forceinline__ void store_threshold_words(
    const XnorLaunch& launch, const BlockPlace& place, int row_warp, int column_warp,
    const EpilogueMemory<Tile>& memory, const int32_t (&sums)[Tile::row_tiles][Tile::column_tiles][4]) {
  constexpr int halves = Tile::warp_columns / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int first_column = column_warp * Tile::warp_columns;
  int2 thresholds[Tile::column_tiles];
#pragma unroll
  for (int tile = 0; tile < Tile::column_tiles; ++tile)
    thresholds[tile] =
        *reinterpret_cast<const int2*>(memory.threshold + first_column + tile * 8 + lane % 4 * 2);
#pragma unroll
  for (int row_tile = 0; row_tile < Tile::row_tiles; ++row_tile) {
#pragma unroll
    for (int row_half = 0; row_half < 2; ++row_half) {
      uint32_t mine = 0;
#pragma unroll
      for (int half = 0; half < halves; ++half) {
        uint32_t bits = 0;
#pragma unroll
        for (int tile = 0; tile < 4; ++tile) {
          const int2 threshold = thresholds[half * 4 + tile];
          const int32_t(&four)[4] = sums[row_tile][half * 4 + tile];
          if (four[2 * row_half] < threshold.x) bits |= 1u << (tile * 8);
          if (four[2 * row_half + 1] < threshold.y) bits |= 2u << (tile * 8);
        }
        // The four threads of a row have two bits each of every byte.
        bits <<= lane % 4 * 2;
        bits |= __shfl_xor_sync(0xFFFFFFFFu, bits, 1);
        bits |= __shfl_xor_sync(0xFFFFFFFFu, bits, 2);
        bits ^= memory.flipped[first_column / 32 + half];
        if (lane % 4 == half) mine = bits;
      }
      if (lane % 4 < halves) {
        store_half(launch, place,
                   place.first_row + row_warp * Tile::warp_rows + row_tile * 16 + row_half * 8 + lane / 4,
                   place.first_column + first_column + lane % 4 * 32, mine);
      }
    }
  }
}

/// The value of a sum, in the bits of its type.
template <typename Tile>
__device__ __forceinline__ uint32_t value_of_sum(const XnorLaunch& launch, const EpilogueMemory<Tile>& memory,
                                                 int column, int32_t sum, uint32_t residual) {
  if (launch.value_type == XnorValue::int32) return static_cast<uint32_t>(sum);
  float value = xnor_scaled_sum(sum, memory.scale[column], memory.bias[column]);
  if (launch.residual != nullptr) value = value + decode_value(launch.value_type, residual);
  value = xnor_activate(value, launch.epilogue.activation, memory.slope[column]);
  value = value + memory.shift[column];
  return encode_value(launch.value_type, value);
}

/// Makes values of Count (1 or 2) staged sums of neighbouring channels, and stores them, and in their place
/// too. Of a pair, the second may be past the last channel.
template <int Count, typename Tile>
__device__ __forceinline__ void finish_values(const XnorLaunch& launch, const BlockPlace& place,
                                              const EpilogueMemory<Tile>& memory, int row, int column,
                                              int32_t* staged) {
  const int32_t channel_of_group = place.first_column + column;
  if (place.first_row + row >= launch.rows || channel_of_group >= launch.group_out_channels) return;
  const int64_t channel = static_cast<int64_t>(place.group) * launch.group_out_channels + channel_of_group;
  const int64_t index = memory.offset[row] + channel * launch.channel_stride;
  const bool both = Count == 2 && channel_of_group + 1 < launch.group_out_channels;
  const bool pair = both && launch.pairs;
  ValueBits residual = {};
  if (launch.residual != nullptr) {
    residual = load_values(launch.value_type, launch.residual, index, pair);
    if (both && !pair)
      residual.bits[1] = load_values(launch.value_type, launch.residual, index + 1, false).bits[0];
  }
  ValueBits values = {};
#pragma unroll
  for (int i = 0; i < Count; ++i) {
    values.bits[i] = value_of_sum(launch, memory, column + i, staged[i], residual.bits[i]);
    staged[i] = static_cast<int32_t>(values.bits[i]);
  }
  if (launch.values != nullptr) {
    store_values(launch.value_type, launch.values, index, pair, values);
    if (both && !pair)
      store_values(launch.value_type, launch.values, index + 1, false, {{values.bits[1], 0}});
  }
}

/// Words by the signs of the values that are staged, of a warp's 16 rows from row `first_row` on.
template <typename Tile>
__device__ __forceinline__ void store_value_words(const XnorLaunch& launch, const BlockPlace& place,
                                                  const EpilogueMemory<Tile>& memory, int first_row,
                                                  int first_column, const int32_t* staged, int stride) {
  constexpr int halves = Tile::warp_columns / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  uint32_t mine = 0;
#pragma unroll 1
  for (int row = 0; row < 16; ++row) {
#pragma unroll
    for (int half = 0; half < halves; ++half) {
      const int column = half * 32 + lane;
      const float value =
          decode_value(launch.value_type, static_cast<uint32_t>(staged[row * stride + column]));
      const bool negative = place.first_column + first_column + column < launch.group_out_channels &&
                            value < memory.sign_threshold[first_column + column];
      const uint32_t bits = __ballot_sync(0xFFFFFFFFu, negative);
      if (lane == row * halves + half) mine = bits;
    }
  }
  if (lane < 16 * halves) {
    store_half(launch, place, place.first_row + first_row + lane / halves,
               place.first_column + first_column + lane % halves * 32, mine);
  }
}

/// Values, and words by their signs. Sums go through shared memory, 16 rows of a warp at a time, so that
/// neighbouring threads have what is neighbouring in the output.
template <typename Tile>
__device__ __forceinline__ void store_values_of_tile(
    const XnorLaunch& launch, const BlockPlace& place, int row_warp, int column_warp,
    EpilogueMemory<Tile>& memory, const int32_t (&sums)[Tile::row_tiles][Tile::column_tiles][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int first_column = column_warp * Tile::warp_columns;
  const bool dense_channels = launch.channel_stride == 1;
  const int stride =
      dense_channels ? EpilogueMemory<Tile>::dense_channel_stride : EpilogueMemory<Tile>::dense_pixel_stride;
  int32_t* const staged = memory.staged[row_warp * Tile::column_warps + column_warp];
#pragma unroll
  for (int row_tile = 0; row_tile < Tile::row_tiles; ++row_tile) {
    const int first_row = row_warp * Tile::warp_rows + row_tile * 16;
    // What was staged before is read.
    __syncwarp();
#pragma unroll
    for (int tile = 0; tile < Tile::column_tiles; ++tile) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        *reinterpret_cast<int2*>(staged + (half * 8 + lane / 4) * stride + tile * 8 + lane % 4 * 2) =
            int2{sums[row_tile][tile][2 * half], sums[row_tile][tile][2 * half + 1]};
      }
    }
    __syncwarp();
    if (dense_channels) {
      constexpr int pairs = Tile::warp_columns / 2;
#pragma unroll 2
      for (int turn = 0; turn < pairs / 2; ++turn) {
        const int row = (turn * 32 + lane) / pairs;
        const int column = lane % pairs * 2;
        finish_values<2>(launch, place, memory, first_row + row, first_column + column,
                         staged + row * stride + column);
      }
    } else {
#pragma unroll 2
      for (int turn = 0; turn < Tile::warp_columns / 2; ++turn) {
        const int row = lane % 16;
        const int column = turn * 2 + lane / 16;
        finish_values<1>(launch, place, memory, first_row + row, first_column + column,
                         staged + row * stride + column);
      }
    }
    if (launch.words != nullptr && launch.thresholds.threshold == nullptr) {
      __syncwarp();
      store_value_words(launch, place, memory, first_row, first_column, staged, stride);
    }
  }
}

template <typename Tile, XnorEngine Engine>
__device__ __forceinline__ void finish_tile(const XnorLaunch& launch, const BlockPlace& place, int row_warp,
                                            int column_warp,
                                            int32_t (&sums)[Tile::row_tiles][Tile::column_tiles][4],
                                            const int32_t (&ones)[2], unsigned char* shared) {
  static_assert(sizeof(EpilogueMemory<Tile>) <= Tile::pipeline_bytes, "it lies where the copies were");
  auto& memory = *reinterpret_cast<EpilogueMemory<Tile>*>(shared);
  describe_tile<Tile, Engine>(launch, place, row_warp, column_warp, ones, memory);
  __syncthreads();
  counts_to_sums<Tile, Engine>(launch, place, row_warp, column_warp, memory, sums);
  if (has_words_of_sums(launch)) store_threshold_words(launch, place, row_warp, column_warp, memory, sums);
  if (has_values(launch)) store_values_of_tile(launch, place, row_warp, column_warp, memory, sums);
}

}  // namespace kones::cuda
