#include "kones/cuda/xnor_conv2d.h"

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <cuda_runtime_api.h>

#include "kones/cuda/xnor_launch.h"
#include "kones/cuda/xnor_prepacked.h"

namespace kones::cuda {
namespace {

template <typename T>
constexpr XnorValue value_type() {
  if (std::is_same_v<T, float>) return XnorValue::float32;
  if (std::is_same_v<T, Float16>) return XnorValue::float16;
  if (std::is_same_v<T, BFloat16>) return XnorValue::bfloat16;
  return XnorValue::int32;
}

struct TileSize {
  int64_t rows;
  int64_t columns;
};

TileSize size_of(XnorTile tile) {
  if (tile == XnorTile::large) return {128, 128};
  if (tile == XnorTile::medium) return {128, 64};
  return {32, 32};
}

int64_t column_tiles(XnorTile tile, const XnorShape& shape) {
  return (shape.group_out_channels() + size_of(tile).columns - 1) / size_of(tile).columns;
}

int64_t block_count(XnorTile tile, const XnorShape& shape, int64_t batch) {
  const int64_t rows = batch * shape.out_height() * shape.out_width();
  return (rows + size_of(tile).rows - 1) / size_of(tile).rows * column_tiles(tile, shape) * shape.groups;
}

/// The largest tile that the output channels fill and that leaves no multiprocessor idle.
XnorTile choose_tile(const XnorShape& shape) {
  int device = 0;
  int multiprocessors = 1;
  if (cudaGetDevice(&device) == cudaSuccess)
    cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
  for (const XnorTile tile : {XnorTile::large, XnorTile::medium}) {
    if (shape.group_out_channels() > size_of(tile).columns / 2 &&
        block_count(tile, shape, shape.batch) >= multiprocessors)
      return tile;
  }
  return XnorTile::small;
}

int32_t index(int64_t value) {
  if (value < 0 || value > INT32_MAX)
    throw std::invalid_argument("xnor_conv2d: a size is " + std::to_string(value) + ", past 2^31 - 1");
  return static_cast<int32_t>(value);
}

bool is_multiple(const void* pointer, size_t of) {
  return reinterpret_cast<uintptr_t>(pointer) % of == 0;
}

void require_success(cudaError_t error) {
  if (error != cudaSuccess)
    throw std::runtime_error(std::string("xnor_conv2d: ") + cudaGetErrorString(error));
}

XnorLaunch launch_of(const XnorShape& shape, const void* prepacked, bool wide_pieces) {
  const XnorPrepacked layout(shape);
  const auto* const bits = static_cast<const unsigned char*>(prepacked);
  XnorLaunch launch = {};
  launch.weight_bits = bits;
  launch.weight_ones = reinterpret_cast<const int32_t*>(bits + layout.bit_bytes());
  launch.image_pixels = index(shape.in_height * shape.in_width);
  launch.pixel_bytes = static_cast<uint32_t>(index(8 * shape.groups * shape.group_words()));
  launch.in_height = index(shape.in_height);
  launch.in_width = index(shape.in_width);
  // Where taps are is below 2^31 too: they are less than the padding past the input.
  index(shape.in_height + 2 * shape.padding_height);
  index(shape.in_width + 2 * shape.padding_width);
  launch.stride_height = index(shape.stride_height);
  launch.stride_width = index(shape.stride_width);
  launch.padding_height = index(shape.padding_height);
  launch.padding_width = index(shape.padding_width);
  launch.kernel_height = index(shape.kernel_height);
  launch.kernel_width = index(shape.kernel_width);
  launch.taps = index(shape.taps());
  launch.group_words = index(shape.group_words());
  launch.group_channels = index(shape.group_in_channels());
  launch.steps = index(layout.steps);
  launch.columns = index(layout.columns);
  launch.out_channels = index(shape.out_channels);
  launch.group_out_channels = index(shape.group_out_channels());
  launch.out_pixels = Divider(index(shape.out_height() * shape.out_width()));
  launch.out_width = Divider(index(shape.out_width()));
  launch.tap_pieces = Divider(std::max<int64_t>(1, shape.group_words() / (wide_pieces ? 2 : 1)));
  launch.kernel_columns = Divider(shape.kernel_width);
  launch.dilation_height = Divider(index(shape.dilation_height));
  launch.dilation_width = Divider(index(shape.dilation_width));
  return launch;
}

}  // namespace

template <typename T>
void xnor_conv2d_with(XnorEngine engine, XnorTile tile, const uint64_t* x_words, const void* prepacked,
                      const XnorShape& shape, const XnorEpilogue& epilogue, const XnorOutput<T>& output,
                      Stream stream, int64_t most_images) {
  const int64_t out_pixels = shape.out_height() * shape.out_width();
  if (shape.batch == 0 || out_pixels == 0 || shape.out_channels == 0) return;
  const bool wide_pieces = shape.group_words() % 2 == 0 && is_multiple(x_words, 16);
  XnorLaunch launch = launch_of(shape, prepacked, wide_pieces);
  launch.engine = engine;
  launch.column_tiles = Divider(index(column_tiles(tile, shape) * shape.groups));
  launch.group_tiles = Divider(column_tiles(tile, shape));
  launch.value_type = value_type<T>();
  launch.batch_stride = output.batch_stride;
  launch.pixel_stride = output.pixel_stride;
  launch.channel_stride = output.channel_stride;
  launch.pairs = output.channel_stride == 1 && output.pixel_stride % 2 == 0 && output.batch_stride % 2 == 0 &&
                 (shape.groups == 1 || shape.group_out_channels() % 2 == 0) &&
                 is_multiple(output.values, 2 * sizeof(T)) && is_multiple(output.residual, 2 * sizeof(T));
  launch.epilogue = epilogue;
  launch.sign_threshold = output.sign_threshold;
  launch.thresholds = output.thresholds;
  launch.whole_halves = shape.groups == 1 || shape.group_out_channels() % 32 == 0;
  launch.word_halves = (shape.out_channels + 63) / 64 * 2;
  if (output.words != nullptr && !launch.whole_halves) {
    require_success(cudaMemsetAsync(
        output.words, 0, static_cast<size_t>(shape.batch * out_pixels * launch.word_halves * 4), stream));
  }

  // Indices of pixels and numbers of blocks are below 2^31 in each launch.
  const int64_t image_pixels = std::max<int64_t>(1, shape.in_height * shape.in_width);
  const int64_t image_blocks = std::max(block_count(tile, shape, 1), out_pixels);
  const int64_t images =
      std::clamp<int64_t>(INT32_MAX / std::max(image_pixels, image_blocks), 1, most_images);
  for (int64_t first = 0; first < shape.batch; first += images) {
    const int64_t batch = std::min(images, shape.batch - first);
    launch.x = x_words + first * shape.in_height * shape.in_width * shape.groups * shape.group_words();
    launch.rows = index(batch * out_pixels);
    launch.values = output.values == nullptr ? nullptr : output.values + first * output.batch_stride;
    launch.residual = output.residual == nullptr ? nullptr : output.residual + first * output.batch_stride;
    launch.words = output.words == nullptr
                       ? nullptr
                       : reinterpret_cast<uint32_t*>(output.words) + first * out_pixels * launch.word_halves;
    const auto blocks = static_cast<unsigned>(index(block_count(tile, shape, batch)));
    if (tile == XnorTile::large) launch_xnor_large(wide_pieces, blocks, launch, stream);
    if (tile == XnorTile::medium) launch_xnor_medium(wide_pieces, blocks, launch, stream);
    if (tile == XnorTile::small) launch_xnor_small(wide_pieces, blocks, launch, stream);
  }
}

template <typename T>
void xnor_conv2d(const uint64_t* x_words, const void* prepacked, const XnorShape& shape,
                 const XnorEpilogue& epilogue, const XnorOutput<T>& output, Stream stream) {
  xnor_conv2d_with(XnorEngine::conjunction, choose_tile(shape), x_words, prepacked, shape, epilogue, output,
                   stream);
}

#define KONES_XNOR_CONV2D(T)                                                                           \
  template void xnor_conv2d_with(XnorEngine, XnorTile, const uint64_t*, const void*, const XnorShape&, \
                                 const XnorEpilogue&, const XnorOutput<T>&, Stream, int64_t);          \
  template void xnor_conv2d(const uint64_t*, const void*, const XnorShape&, const XnorEpilogue&,       \
                            const XnorOutput<T>&, Stream);
KONES_XNOR_CONV2D(float)
KONES_XNOR_CONV2D(Float16)
KONES_XNOR_CONV2D(BFloat16)
KONES_XNOR_CONV2D(int32_t)
#undef KONES_XNOR_CONV2D

}  // namespace kones::cuda
