// The sizes of a two-dimensional convolution: what the kernels for integers and for signs share.
#pragma once

#include <cstdint>

namespace kones {

/// Group g of the inputs is channels g * group_in_channels() .. and makes group g of the outputs.
struct ConvolutionShape {
  int64_t in_channels = 1;  ///< a multiple of groups
  int64_t in_height = 1;
  int64_t in_width = 1;
  int64_t out_channels = 1;  ///< a multiple of groups
  int64_t kernel_height = 1;
  int64_t kernel_width = 1;
  int64_t stride_height = 1;
  int64_t stride_width = 1;
  int64_t padding_height = 0;
  int64_t padding_width = 0;
  int64_t dilation_height = 1;
  int64_t dilation_width = 1;
  int64_t groups = 1;

  int64_t group_in_channels() const { return in_channels / groups; }
  int64_t group_out_channels() const { return out_channels / groups; }
  int64_t taps() const { return kernel_height * kernel_width; }
  /// Products in a sum.
  int64_t inputs() const { return group_in_channels() * taps(); }
  int64_t out_height() const {
    return (in_height + 2 * padding_height - dilation_height * (kernel_height - 1) - 1) / stride_height + 1;
  }
  int64_t out_width() const {
    return (in_width + 2 * padding_width - dilation_width * (kernel_width - 1) - 1) / stride_width + 1;
  }
};

}  // namespace kones
