// Convolutions of signs as their definition says them, for tests: loops over every product.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kones/numeric/sign_layout.h"
#include "kones/numeric/xnor_conv2d.h"

namespace kones {

inline std::string describe(const XnorShape& s) {
  const auto pair = [](const char* name, int64_t a, int64_t b) {
    return std::string(" ") + name + " " + std::to_string(a) + "x" + std::to_string(b);
  };
  return std::to_string(s.batch) + "x" + std::to_string(s.in_channels) + "->" +
         std::to_string(s.out_channels) + pair("in", s.in_height, s.in_width) +
         pair("kernel", s.kernel_height, s.kernel_width) + pair("stride", s.stride_height, s.stride_width) +
         pair("padding", s.padding_height, s.padding_width) +
         pair("dilation", s.dilation_height, s.dilation_width) + " groups " + std::to_string(s.groups);
}

/// Numbers of which about half are negative; among them are zeros of both signs, NaN, and numbers at the ends
/// of the range in which gradients pass.
inline std::vector<float> sign_inputs(int64_t count, uint32_t seed) {
  static const float special[] = {0.0f,   -0.0f,   std::nanf(""), -std::nanf(""), 1.0f,     -1.0f,
                                  1e-45f, -1e-45f, INFINITY,      -INFINITY,      1.00001f, -1.00001f};
  std::mt19937 generator(seed);
  std::vector<float> x(count);
  for (float& value : x) {
    const uint32_t word = generator();
    value = word % 13 == 0 ? special[word / 13 % std::size(special)]
                           : static_cast<float>(word >> 8) * 0x1p-22f - 2.0f;
  }
  return x;
}

/// The sums of a convolution of signs: x is [batch][height][width][channels], weight [out][group
/// channels][taps], the result [batch][out height][out width][out].
inline std::vector<int32_t> reference_sums(const XnorShape& s, const std::vector<float>& x,
                                           const std::vector<float>& weight) {
  std::vector<int8_t> signs(x.size());
  std::transform(x.begin(), x.end(), signs.begin(), [](float v) { return v < 0.0f ? -1 : 1; });
  std::vector<int8_t> weight_signs(weight.size());  // [out][taps][group channels]
  const int64_t channels = s.group_in_channels();
  for (int64_t o = 0; o < s.out_channels; ++o)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t tap = 0; tap < s.taps(); ++tap)
        weight_signs[(o * s.taps() + tap) * channels + c] =
            weight[(o * channels + c) * s.taps() + tap] < 0.0f ? -1 : 1;
  std::vector<int32_t> sums;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t y = 0; y < s.out_height(); ++y) {
      for (int64_t column = 0; column < s.out_width(); ++column) {
        for (int64_t o = 0; o < s.out_channels; ++o) {
          int32_t sum = 0;
          for (int64_t tap = 0; tap < s.taps(); ++tap) {
            const int64_t from_y =
                y * s.stride_height - s.padding_height + tap / s.kernel_width * s.dilation_height;
            const int64_t from_x =
                column * s.stride_width - s.padding_width + tap % s.kernel_width * s.dilation_width;
            if (from_y < 0 || from_y >= s.in_height || from_x < 0 || from_x >= s.in_width) continue;
            const int8_t* a = signs.data() +
                              ((n * s.in_height + from_y) * s.in_width + from_x) * s.in_channels +
                              o / s.group_out_channels() * channels;
            const int8_t* w = weight_signs.data() + (o * s.taps() + tap) * channels;
            int32_t products = 0;
            for (int64_t c = 0; c < channels; ++c) products += a[c] * w[c];
            sum += products;
          }
          sums.push_back(sum);
        }
      }
    }
  }
  return sums;
}

/// Shapes that between them have every kernel size 1 to 7, stride 1 to 3, dilation 1 to 3 and padding 0 to 3,
/// square and not, one and several groups, and every number of channels from 1 to 130.
inline std::vector<XnorShape> shape_grid(int64_t images) {
  std::vector<XnorShape> shapes;
  int64_t index = 0;
  for (int64_t kernel = 1; kernel <= 7; ++kernel) {
    for (int64_t stride = 1; stride <= 3; ++stride) {
      for (int64_t dilation = 1; dilation <= 3; ++dilation) {
        for (int64_t padding = 0; padding <= 3; ++padding, ++index) {
          XnorShape s;
          s.batch = images;
          s.groups = index % 5 == 4 ? 2 + index % 3 : 1;
          s.in_channels = s.groups * (1 + index % 130);
          s.out_channels = s.groups * (1 + index * 7 % 37);
          s.kernel_height = kernel;
          s.kernel_width = index % 3 == 0 ? 1 + (kernel + 2) % 7 : kernel;
          s.stride_height = stride;
          s.stride_width = index % 4 == 0 ? 1 + stride % 3 : stride;
          s.padding_height = padding;
          s.padding_width = index % 7 == 0 ? 3 - padding : padding;
          s.dilation_height = dilation;
          s.dilation_width = index % 6 == 0 ? 1 + dilation % 3 : dilation;
          // Large enough for an output; sometimes all of it is border.
          const auto least = [](int64_t taps, int64_t step, int64_t border) {
            return std::max<int64_t>(1, step * (taps - 1) + 1 - 2 * border);
          };
          s.in_height = least(s.kernel_height, s.dilation_height, s.padding_height) + index % 4;
          s.in_width = least(s.kernel_width, s.dilation_width, s.padding_width) + index % 11;
          shapes.push_back(s);
        }
      }
    }
  }
  return shapes;
}

}  // namespace kones
