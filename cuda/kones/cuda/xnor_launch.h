// What the kernels of xnor_conv2d are told, and the choices that xnor_conv2d makes for its caller.
#pragma once

#include <cstdint>

#include "kones/cuda/divider.h"
#include "kones/cuda/stream.h"
#include "kones/numeric/xnor_conv2d.h"

namespace kones::cuda {

/// The matrix instruction. A device has one, chosen when its machine code is compiled; the host SIMT layer
/// runs the one that the launch names.
enum class XnorEngine {
  exclusive_or,  ///< b1 m8n8k128 XOR: compute capability 7.5
  conjunction,   ///< b1 m16n8k256 AND: 8.0 to 9.0, which has no XOR of its own
  bytes,         ///< u8 m16n8k32, on bits that are widened in registers: from 10.0 on, which have no b1
};

/// How many outputs a block computes: pixels by channels of a group.
enum class XnorTile {
  large,   ///< 128x128, 256 threads
  medium,  ///< 128x64, 256 threads
  small,   ///< 32x32, 64 threads
};

/// The type of values and residual.
enum class XnorValue { float32, float16, bfloat16, int32 };

/// Sizes are below 2^31, the numbers of input and output pixels of all images among them.
struct XnorLaunch {
  const uint64_t* x;
  const unsigned char* weight_bits;  ///< XnorPrepacked
  const int32_t* weight_ones;

  int32_t rows;          ///< output pixels of all images
  int32_t image_pixels;  ///< of x
  uint32_t pixel_bytes;  ///< of x's words
  int32_t in_height, in_width;
  int32_t stride_height, stride_width;
  int32_t padding_height, padding_width;
  int32_t kernel_height, kernel_width;
  int32_t taps;
  int32_t group_words;
  int32_t group_channels;
  int32_t steps;
  int32_t columns;
  int32_t out_channels;
  int32_t group_out_channels;
  Divider out_pixels;
  Divider out_width;
  Divider tap_pieces;  ///< copies of piece bytes that a tap takes
  Divider kernel_columns;
  Divider dilation_height;
  Divider dilation_width;
  Divider column_tiles;  ///< of all groups
  Divider group_tiles;   ///< of one group

  XnorValue value_type;
  void* values;
  const void* residual;
  int64_t batch_stride;
  int64_t pixel_stride;
  int64_t channel_stride;
  bool pairs;  ///< values, and residual, of two channels may be accessed as one
  XnorEpilogue epilogue;
  uint32_t* words;      ///< in halves
  int64_t word_halves;  ///< of a pixel
  bool whole_halves;    ///< a group's channels fill halves of words, or there is one group
  const float* sign_threshold;
  XnorThresholds thresholds;

  XnorEngine engine;
};

/// Launches `blocks` blocks of a tile; x is copied in pieces of 16 bytes or 8.
void launch_xnor_large(bool wide_pieces, unsigned blocks, const XnorLaunch& launch, Stream stream);
void launch_xnor_medium(bool wide_pieces, unsigned blocks, const XnorLaunch& launch, Stream stream);
void launch_xnor_small(bool wide_pieces, unsigned blocks, const XnorLaunch& launch, Stream stream);

/// xnor_conv2d with its choices made by the caller, for tests; the engine matters to the host SIMT layer
/// alone. A launch takes at most `most_images`.
template <typename T>
void xnor_conv2d_with(XnorEngine engine, XnorTile tile, const uint64_t* x_words, const void* prepacked,
                      const XnorShape& shape, const XnorEpilogue& epilogue, const XnorOutput<T>& output,
                      Stream stream, int64_t most_images = INT32_MAX);

}  // namespace kones::cuda
