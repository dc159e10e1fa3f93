// A convolution of signs, and what becomes of its integer sums: what the CPU and CUDA kernels share.
#pragma once

#include <cstdint>

#include "kones/numeric/convolution_shape.h"
#include "kones/numeric/float16.h"
#include "kones/numeric/host_device.h"

namespace kones {

/// The sizes of a two-dimensional convolution of signs.
struct XnorShape : ConvolutionShape {
  int64_t batch = 1;

  /// 64-bit words that hold the signs of one group of one pixel.
  int64_t group_words() const { return (group_in_channels() + 63) / 64; }
  /// Bytes of prepacked weights: room for the order of any device's kernels, so that programs that are traced
  /// without a device know it. Depends on channels, kernel size and groups alone.
  int64_t prepacked_bytes() const {
    const int64_t columns = (group_out_channels() + 31) / 32 * 32;
    const int64_t steps = (taps() * group_words() + 3) / 4;
    const int64_t counts = (kernel_height + 1) * (kernel_width + 1) * columns * 4;
    return 128 + groups * (counts + steps * columns * 32);
  }
};

/// The most products in a sum, inputs(): sums are int32.
inline constexpr int64_t xnor_max_products = INT32_MAX;

enum class XnorActivation {
  none,
  relu,   ///< max(v, 0)
  prelu,  ///< v < 0 ? slope[o] * v : v (He, Zhang, Ren and Sun, 2015)
};

/// What happens to the sum s of an output, all in float32, each operation rounded:
///   v = float(s) * scale[o] + bias[o];  v += residual;  v = activation(v);  v += shift[o]
/// An absent scale is 1, an absent bias or shift 0, which is added all the same: no result is -0. With
/// `shift` after prelu, and the shift before it in the bias, this is ReActNet's RPReLU (Liu, Shen, Savvides
/// and Cheng, 2020, section 4.2). The parameters have out_channels elements each.
struct XnorEpilogue {
  const float* scale = nullptr;
  const float* bias = nullptr;
  XnorActivation activation = XnorActivation::none;
  const float* slope = nullptr;  ///< of prelu
  const float* shift = nullptr;
};

/// The first line of XnorEpilogue for one output; `scale` is 1 and `bias` 0 where there is none.
KONES_HOST_DEVICE float xnor_scaled_sum(int32_t sum, float scale, float bias) {
  const float product = static_cast<float>(sum) * scale;
  return product + bias;
}

/// The activation of XnorEpilogue; NaN stays.
KONES_HOST_DEVICE float xnor_activate(float value, XnorActivation activation, float slope) {
  if (activation == XnorActivation::relu) return value < 0.0f ? 0.0f : value;
  if (activation == XnorActivation::prelu) return value < 0.0f ? slope * value : value;
  return value;
}

/// A result as T holds it; what vanishes in a narrow type becomes +0.
template <typename T>
KONES_HOST_DEVICE T xnor_stored(float value) {
  T stored = from_float<T>(value);
  if constexpr (sizeof(T) == 2) {
    if (stored.bits == 0x8000) stored.bits = 0;
  }
  return stored;
}

/// The sign bits of the next layer straight from the sums: output o is negative exactly where
/// (sum < threshold[o]) != (flipped[o] != 0). Batch norm and sign come to this: its sign changes once as the
/// sum grows, upward or, for a negative factor, downward.
struct XnorThresholds {
  const int32_t* threshold = nullptr;
  const uint8_t* flipped = nullptr;
};

/// Where results go. `values` and `words` may both be asked for. T is float, Float16, BFloat16 or int32_t,
/// which takes the sums themselves: then there is no epilogue, no residual and no sign_threshold.
template <typename T>
struct XnorOutput {
  /// Output o of image n and pixel p at values[n * batch_stride + p * pixel_stride + o * channel_stride]; the
  /// residual lies likewise. One of pixel_stride and channel_stride is 1.
  T* values = nullptr;
  const T* residual = nullptr;
  int64_t batch_stride = 0;
  int64_t pixel_stride = 0;
  int64_t channel_stride = 0;

  /// [batch][pixels][ceil(out_channels / 64)]: bit o is value < sign_threshold[o] (0 where there is none), of
  /// the value as T holds it; or, if there are thresholds, what they make of the sum.
  uint64_t* words = nullptr;
  const float* sign_threshold = nullptr;
  XnorThresholds thresholds;
};

}  // namespace kones
