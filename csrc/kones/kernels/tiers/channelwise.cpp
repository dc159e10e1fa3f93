// Operations by channel, for one instruction set: loops over neighbouring channels that the compiler
// vectorizes.
#include "kones/kernels/tiers/channelwise.h"

#include <type_traits>

#include "kones/kernels/tiers/table.h"

namespace kones::kernels {
namespace {

template <typename In, typename Out>
void requantize_pixels(const In* x, int64_t pixels, const ScalingRow& scaling, const StoredRange& range,
                       Out* y) {
  const int64_t channels = scaling.channels;
  const int32_t* const multiplier = scaling.multiplier;
  const int64_t* const addend = scaling.addend;
  const int64_t* const shift = scaling.shift;
  const int64_t low = range.low;
  const int64_t high = range.high;
  const int64_t zero_point = range.zero_point;
  for (int64_t pixel = 0; pixel < pixels; ++pixel, x += channels, y += channels) {
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t shifted = (static_cast<int64_t>(x[c]) * multiplier[c] + addend[c]) >> shift[c];
      const int64_t above = shifted < low ? low : shifted;
      y[c] = static_cast<Out>((above > high ? high : above) + zero_point);
    }
  }
}

template <typename In>
void threshold_pixels(const In* x, int64_t pixels, int64_t channels, const void* lows, const void* highs,
                      uint8_t* y) {
  using Bound = std::conditional_t<std::is_same_v<In, int64_t>, int64_t, int32_t>;
  const auto* const low = static_cast<const Bound*>(lows);
  const auto* const high = static_cast<const Bound*>(highs);
  for (int64_t pixel = 0; pixel < pixels; ++pixel, x += channels, y += channels) {
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c)
      y[c] = static_cast<uint8_t>((x[c] >= low[c] && x[c] <= high[c]) ? 2 : 0);
  }
}

/// The window's rows and columns that lie inside the image.
struct Window {
  int64_t top;
  int64_t bottom;
  int64_t left;
  int64_t right;

  Window(const PoolShape& shape, int64_t y, int64_t x) {
    top = y * shape.stride_height - shape.padding_height;
    bottom = top + shape.kernel_height < shape.in_height ? top + shape.kernel_height : shape.in_height;
    if (top < 0) top = 0;
    left = x * shape.stride_width - shape.padding_width;
    right = left + shape.kernel_width < shape.in_width ? left + shape.kernel_width : shape.in_width;
    if (left < 0) left = 0;
  }
  int64_t pixels() const { return (bottom - top) * (right - left); }
};

/// Channels whose results are kept in registers over a window.
constexpr int64_t channel_block = 16;

/// The largest of a window's pixels, for `Count` channels at a time.
template <int64_t Count, typename T>
void max_of_window(const T* x, const PoolShape& shape, const Window& window, T* y) {
  T largest[Count];
  const T* const first = x + (window.top * shape.in_width + window.left) * shape.channels;
  for (int64_t c = 0; c < Count; ++c) largest[c] = first[c];
  for (int64_t from_y = window.top; from_y < window.bottom; ++from_y) {
    const T* pixel = x + (from_y * shape.in_width + window.left) * shape.channels;
    for (int64_t from_x = window.left; from_x < window.right; ++from_x, pixel += shape.channels)
      for (int64_t c = 0; c < Count; ++c) largest[c] = pixel[c] > largest[c] ? pixel[c] : largest[c];
  }
  for (int64_t c = 0; c < Count; ++c) y[c] = largest[c];
}

template <typename T>
void max_pool_image(const T* x, const PoolShape& shape, T* y) {
  for (int64_t row = 0; row < shape.out_height; ++row) {
    for (int64_t column = 0; column < shape.out_width; ++column, y += shape.channels) {
      const Window window(shape, row, column);
      int64_t c = 0;
      for (; c + channel_block <= shape.channels; c += channel_block)
        max_of_window<channel_block>(x + c, shape, window, y + c);
      for (; c + 4 <= shape.channels; c += 4) max_of_window<4>(x + c, shape, window, y + c);
      for (; c < shape.channels; ++c) max_of_window<1>(x + c, shape, window, y + c);
    }
  }
}

template <typename In, typename Out>
void avg_pool_image(const In* x, const PoolShape& shape, int64_t zero_point, int64_t multiple, Out* y) {
  const int64_t channels = shape.channels;
  for (int64_t row = 0; row < shape.out_height; ++row) {
    for (int64_t column = 0; column < shape.out_width; ++column, y += channels) {
      const Window window(shape, row, column);
      const auto zeros = static_cast<Out>(-zero_point * window.pixels());
      for (int64_t c = 0; c < channels; ++c) y[c] = zeros;
      for (int64_t from_y = window.top; from_y < window.bottom; ++from_y) {
        for (int64_t from_x = window.left; from_x < window.right; ++from_x) {
          const In* const pixel = x + (from_y * shape.in_width + from_x) * channels;
#pragma GCC ivdep
          for (int64_t c = 0; c < channels; ++c) y[c] += static_cast<Out>(pixel[c]);
        }
      }
      const auto factor = static_cast<Out>(multiple / window.pixels());
      for (int64_t c = 0; c < channels; ++c) y[c] *= factor;
    }
  }
}

template <typename In>
constexpr ChannelwiseFunctions<In> functions = {requantize_pixels<In, uint8_t>,
                                                requantize_pixels<In, int16_t>,
                                                requantize_pixels<In, int32_t>,
                                                threshold_pixels<In>,
                                                max_pool_image<In>,
                                                avg_pool_image<In, int32_t>,
                                                avg_pool_image<In, int64_t>};

}  // namespace

extern const ChannelwiseTier KONES_TIER_TABLE(channelwise);
const ChannelwiseTier KONES_TIER_TABLE(channelwise) = {functions<uint8_t>, functions<int16_t>,
                                                       functions<int32_t>, functions<int64_t>};

}  // namespace kones::kernels
