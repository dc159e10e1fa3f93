// The output sizes of windows that slide over a tensor, as PyTorch computes them.
#pragma once

#include <cstdint>

namespace kones::package {

/// Output pixels along one axis of a convolution; 0 where the (dilated) kernel does not fit into the padded
/// input. stride >= 1; all sizes in pixels, small enough for int64.
inline int64_t convolution_extent(int64_t input, int64_t kernel, int64_t stride, int64_t padding,
                                  int64_t dilation) {
  const int64_t room = input + 2 * padding - (dilation * (kernel - 1) + 1);
  return room < 0 ? 0 : room / stride + 1;
}

/// Output pixels along one axis of a pooling window; 0 where the kernel does not fit into the padded input.
/// With ceil_mode the last window may hang over the right edge, but must start inside the input or its left
/// padding.
inline int64_t pooling_extent(int64_t input, int64_t kernel, int64_t stride, int64_t padding,
                              bool ceil_mode) {
  const int64_t room = input + 2 * padding - kernel;
  if (room < 0) return 0;
  if (!ceil_mode) return room / stride + 1;
  const int64_t extent = (room + stride - 1) / stride + 1;
  return (extent - 1) * stride >= input + padding ? extent - 1 : extent;
}

}  // namespace kones::package
