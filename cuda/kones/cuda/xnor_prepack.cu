#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "kones/cuda/divider.h"
#include "kones/cuda/hardware.cuh"
#include "kones/cuda/xnor_conv2d.h"
#include "kones/cuda/xnor_prepacked.h"

namespace kones::cuda {
namespace {

constexpr int threads = 256;

/// What both kernels are told of the weights.
struct Weights {
  const uint64_t* words;
  int64_t group_out_channels;
  int64_t channel_words;  ///< of one output channel
  int64_t columns;
  Divider steps;
  int kernel_height;
  int kernel_width;
  int group_words;
};

/// A block writes one step of one group.
__global__ void __launch_bounds__(threads) order_weights_kernel(const Weights weights, uint64_t* bits) {
  const uint32_t group = divide(blockIdx.x, weights.steps);
  const int64_t first_word = 4 * static_cast<int64_t>(blockIdx.x - group * weights.steps.divisor);
  uint64_t* const step = bits + int64_t{4} * blockIdx.x * weights.columns;
#pragma unroll 1
  for (int64_t place = threadIdx.x; place < 4 * weights.columns; place += threads) {
    const int64_t column = place / 4;
    const int64_t word = first_word + place % 4;
    const bool present = column < weights.group_out_channels && word < weights.channel_words;
    const int64_t channel = group * weights.group_out_channels + column;
    step[place] = present ? weights.words[channel * weights.channel_words + word] : 0;
  }
}

/// A thread fills the tables of some columns of a group, which is the block's number.
__global__ void __launch_bounds__(threads) count_weights_kernel(const Weights weights, int32_t* ones) {
  const int64_t row_stride = (weights.kernel_width + 1) * weights.columns;
  int32_t* const tables = ones + static_cast<int64_t>(blockIdx.x) * (weights.kernel_height + 1) * row_stride;
#pragma unroll 1
  for (int64_t column = threadIdx.x; column < weights.columns; column += threads) {
    const bool present = column < weights.group_out_channels;
    const uint64_t* from =
        weights.words + (blockIdx.x * weights.group_out_channels + column) * weights.channel_words;
#pragma unroll 1
    for (int j = 0; j <= weights.kernel_width; ++j) tables[j * weights.columns + column] = 0;
#pragma unroll 1
    for (int i = 1; i <= weights.kernel_height; ++i) {
      int32_t* const row = tables + i * row_stride + column;
      int32_t row_ones = 0;
      row[0] = 0;
#pragma unroll 1
      for (int j = 1; j <= weights.kernel_width; ++j) {
#pragma unroll 1
        for (int word = 0; word < weights.group_words; ++word) {
          if (present) row_ones += __popcll(*from);
          ++from;
        }
        row[j * weights.columns] = (row - row_stride)[j * weights.columns] + row_ones;
      }
    }
  }
}

}  // namespace

void xnor_prepack(const uint64_t* weight_words, const XnorShape& shape, void* prepacked, Stream stream) {
  const XnorPrepacked layout(shape);
  if (layout.groups == 0 || layout.columns == 0 || layout.steps == 0) return;
  if (layout.groups * layout.steps > INT32_MAX)
    throw std::invalid_argument("xnor_prepack: groups times steps of 256 bits are 2^31 or more");
  const Weights weights{weight_words,
                        shape.group_out_channels(),
                        shape.taps() * shape.group_words(),
                        layout.columns,
                        Divider(layout.steps),
                        static_cast<int>(shape.kernel_height),
                        static_cast<int>(shape.kernel_width),
                        static_cast<int>(shape.group_words())};
  KONES_LAUNCH(order_weights_kernel, dim3(static_cast<unsigned>(layout.groups * layout.steps)), dim3(threads),
               0, stream, weights, static_cast<uint64_t*>(prepacked));
  KONES_LAUNCH(count_weights_kernel, dim3(static_cast<unsigned>(layout.groups)), dim3(threads), 0, stream,
               weights, reinterpret_cast<int32_t*>(static_cast<char*>(prepacked) + layout.bit_bytes()));
}

}  // namespace kones::cuda
