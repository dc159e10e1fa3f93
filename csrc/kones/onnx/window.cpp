#include "kones/onnx/window.h"

#include <algorithm>

#include "kones/error.h"
#include "kones/package/geometry.h"

namespace kones::onnx_program {
namespace {

using package::Tensor;

/// Bytes of four for each; more would not fit a model's 2 GB beside anything else.
constexpr int64_t most_indices = 1 << 28;

/// The padding behind the last pixel that leaves room for `outputs` windows and no more.
int64_t padding_behind(int64_t outputs, int64_t stride, int64_t kernel, int64_t input, int64_t before) {
  return std::max<int64_t>((outputs - 1) * stride + kernel - input - before, 0);
}

template <typename Pool>
Window pooling_window(const Pool& pool, const Tensor& from, const Tensor& to) {
  Window window;
  window.kernel_height = pool.kernel_height;
  window.kernel_width = pool.kernel_width;
  window.stride_height = pool.stride_height;
  window.stride_width = pool.stride_width;
  window.padding_top = pool.padding_height;
  window.padding_left = pool.padding_width;
  window.padding_bottom =
      padding_behind(to.height, pool.stride_height, pool.kernel_height, from.height, pool.padding_height);
  window.padding_right =
      padding_behind(to.width, pool.stride_width, pool.kernel_width, from.width, pool.padding_width);
  return window;
}

}  // namespace

bool Window::has_padding() const {
  return padding_top + padding_left + padding_bottom + padding_right > 0;
}

std::vector<int64_t> Window::pads() const {
  return {padding_top, padding_left, padding_bottom, padding_right};
}

std::vector<int64_t> Window::pads_of_all_axes() const {
  return {0, 0, padding_top, padding_left, 0, 0, padding_bottom, padding_right};
}

std::vector<int64_t> Window::padded(const std::vector<int64_t>& shape) const {
  return {shape[0], shape[1] + padding_top + padding_bottom, shape[2] + padding_left + padding_right};
}

std::vector<int64_t> Window::covered_pixels(const Tensor& from, const Tensor& to) const {
  std::vector<int64_t> pixels;
  for (int64_t y = 0; y < to.height; ++y) {
    const int64_t rows = package::pooling_overlap(y, from.height, kernel_height, stride_height, padding_top);
    for (int64_t x = 0; x < to.width; ++x) {
      pixels.push_back(rows *
                       package::pooling_overlap(x, from.width, kernel_width, stride_width, padding_left));
    }
  }
  return pixels;
}

std::vector<int64_t> Window::gathered_indices(const std::vector<int64_t>& padded_shape,
                                              const Tensor& to) const {
  const int64_t channels = padded_shape[0];
  const int64_t padded_elements = channels * padded_shape[1] * padded_shape[2];
  if (padded_elements > INT32_MAX || channels * kernel_pixels() > most_indices / to.pixels()) {
    throw Error("its sums need float64, for which its windows have more than " +
                std::to_string(most_indices) + " pixels; use fewer activation bits or a smaller layer");
  }
  std::vector<int64_t> indices;
  indices.reserve(channels * kernel_pixels() * to.pixels());
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t ky = 0; ky < kernel_height; ++ky) {
      for (int64_t kx = 0; kx < kernel_width; ++kx) {
        for (int64_t y = 0; y < to.height; ++y) {
          for (int64_t x = 0; x < to.width; ++x) {
            const int64_t row = y * stride_height + ky * dilation_height;
            const int64_t column = x * stride_width + kx * dilation_width;
            indices.push_back((c * padded_shape[1] + row) * padded_shape[2] + column);
          }
        }
      }
    }
  }
  return indices;
}

Window window_of(const package::Conv2d& conv) {
  return {conv.kernel_height,   conv.kernel_width,   conv.stride_height,  conv.stride_width,
          conv.dilation_height, conv.dilation_width, conv.padding_height, conv.padding_width,
          conv.padding_height,  conv.padding_width};
}

Window window_of(const package::MaxPool2d& pool, const Tensor& from, const Tensor& to) {
  return pooling_window(pool, from, to);
}

Window window_of(const package::AvgPool2d& pool, const Tensor& from, const Tensor& to) {
  return pooling_window(pool, from, to);
}

}  // namespace kones::onnx_program
