// Windows that slide over an image, as ONNX says them.
#pragma once

#include <cstdint>
#include <vector>

#include "kones/package/package.h"

namespace kones::onnx_program {

/// A window whose paddings at the end are such that ONNX, rounding down, computes the package's pixels.
struct Window {
  int64_t kernel_height = 1;
  int64_t kernel_width = 1;
  int64_t stride_height = 1;
  int64_t stride_width = 1;
  int64_t dilation_height = 1;
  int64_t dilation_width = 1;
  int64_t padding_top = 0;
  int64_t padding_left = 0;
  int64_t padding_bottom = 0;
  int64_t padding_right = 0;

  int64_t kernel_pixels() const { return kernel_height * kernel_width; }
  bool has_padding() const;
  /// [top, left, bottom, right]
  std::vector<int64_t> pads() const;
  /// The same for [N][C][H][W]: four beginnings, then four ends.
  std::vector<int64_t> pads_of_all_axes() const;
  /// The shape [C][H][W] with its padding.
  std::vector<int64_t> padded(const std::vector<int64_t>& shape) const;

  /// For each output pixel, how many pixels of the image its window covers. The dilation is 1.
  std::vector<int64_t> covered_pixels(const package::Tensor& from, const package::Tensor& to) const;

  /// [channels * kernel pixels][output pixels]: where in the padded image, flattened, each output pixel finds
  /// what it multiplies. Throws Error where that is too large.
  std::vector<int64_t> gathered_indices(const std::vector<int64_t>& padded_shape,
                                        const package::Tensor& to) const;
};

Window window_of(const package::Conv2d& conv);
Window window_of(const package::MaxPool2d& pool, const package::Tensor& from, const package::Tensor& to);
Window window_of(const package::AvgPool2d& pool, const package::Tensor& from, const package::Tensor& to);

}  // namespace kones::onnx_program
