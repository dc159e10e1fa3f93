// The output sizes of windows that slide over a tensor, as PyTorch computes them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

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

/// Pixels of the input under one axis of the window of output pixel `output`.
inline int64_t pooling_overlap(int64_t output, int64_t input, int64_t kernel, int64_t stride,
                               int64_t padding) {
  const int64_t begin = output * stride - padding;
  return std::min(begin + kernel, input) - std::max<int64_t>(begin, 0);
}

/// The least common multiple of pooling_overlap over the output pixels of one axis; that of a window is the
/// product of both axes'. Every window must lie over the input. 0 where it is beyond max_pooling_multiple.
inline constexpr int64_t max_pooling_multiple = 1 << 16;
inline int64_t pooling_multiple(int64_t input, int64_t kernel, int64_t stride, int64_t padding,
                                bool ceil_mode) {
  int64_t multiple = 1;
  const int64_t outputs = pooling_extent(input, kernel, stride, padding, ceil_mode);
  for (int64_t output = 0; output < outputs; ++output) {
    multiple = std::lcm(multiple, pooling_overlap(output, input, kernel, stride, padding));
    if (multiple > max_pooling_multiple) return 0;
  }
  return multiple;
}

}  // namespace kones::package
