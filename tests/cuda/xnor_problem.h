// A convolution of signs for tests: operands, and the sums by a loop over every product.
#pragma once

#include <cstdint>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "kones/numeric/xnor_conv2d.h"

namespace kones {

inline std::string shape_text(const XnorShape& s) {
  std::ostringstream text;
  text << s.batch << "x" << s.in_channels << "x" << s.in_height << "x" << s.in_width << " -> "
       << s.out_channels << ", kernel " << s.kernel_height << "x" << s.kernel_width << ", stride "
       << s.stride_height << "x" << s.stride_width << ", padding " << s.padding_height << "x"
       << s.padding_width << ", dilation " << s.dilation_height << "x" << s.dilation_width << ", groups "
       << s.groups;
  return text.str();
}

/// Numbers that look random, the same in every run.
class Scatter {
 public:
  explicit Scatter(uint64_t seed) : state_(seed * 2 + 1) {}
  uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 33);
  }
  /// In first .. last.
  int64_t in(int64_t first, int64_t last) { return first + next() % static_cast<uint32_t>(last - first + 1); }

 private:
  uint64_t state_;
};

struct XnorProblem {
  XnorShape shape;
  std::vector<uint64_t> x_words;       ///< [batch][pixels][groups][group_words]
  std::vector<uint64_t> weight_words;  ///< [out_channels][taps][group_words]
  std::vector<int32_t> sums;           ///< [batch][out pixels][out_channels]

  int64_t out_pixels() const { return shape.out_height() * shape.out_width(); }

  XnorProblem(const XnorShape& sizes, uint64_t seed) : shape(sizes) {
    Scatter random(seed);
    const auto size = [](int64_t count) { return static_cast<size_t>(count); };
    const int64_t rows = shape.batch * shape.in_height * shape.in_width * shape.groups;
    const int64_t channels = shape.group_in_channels();
    // -1 and +1 as they stand, beside their words.
    std::vector<int8_t> x(size(rows * channels));
    std::vector<int8_t> weight(size(shape.out_channels * shape.taps() * channels));
    const auto fill = [&](std::vector<int8_t>& signs, std::vector<uint64_t>& words) {
      const size_t count = signs.size() / size(channels);
      words.assign(count * size(shape.group_words()), 0);
      for (size_t row = 0; row < count; ++row) {
        for (size_t c = 0; c < size(channels); ++c) {
          const bool negative = random.next() % 8 < 3;
          signs[row * size(channels) + c] = negative ? -1 : 1;
          if (negative) words[row * size(shape.group_words()) + c / 64] |= uint64_t{1} << (c % 64);
        }
      }
    };
    fill(x, x_words);
    fill(weight, weight_words);

    sums.reserve(size(shape.batch * out_pixels() * shape.out_channels));
    for (int64_t n = 0; n < shape.batch; ++n) {
      for (int64_t p = 0; p < out_pixels(); ++p) {
        for (int64_t o = 0; o < shape.out_channels; ++o) {
          const int64_t group = o / shape.group_out_channels();
          int32_t sum = 0;
          for (int64_t tap = 0; tap < shape.taps(); ++tap) {
            const int64_t y = p / shape.out_width() * shape.stride_height - shape.padding_height +
                              tap / shape.kernel_width * shape.dilation_height;
            const int64_t at = p % shape.out_width() * shape.stride_width - shape.padding_width +
                               tap % shape.kernel_width * shape.dilation_width;
            if (y < 0 || y >= shape.in_height || at < 0 || at >= shape.in_width) continue;
            const int64_t row = ((n * shape.in_height + y) * shape.in_width + at) * shape.groups + group;
            const int8_t* const a = x.data() + row * channels;
            const int8_t* const b = weight.data() + (o * shape.taps() + tap) * channels;
            for (int64_t c = 0; c < channels; ++c) sum += a[c] * b[c];
          }
          sums.push_back(sum);
        }
      }
    }
  }
};

/// What a test asks of an output.
struct XnorRequest {
  bool channels_first = false;
  bool values = true;
  bool scale = false;
  bool bias = false;
  XnorActivation activation = XnorActivation::none;
  bool shift = false;
  bool residual = false;
  enum class Words { none, by_sign, by_value, by_sum } words = Words::none;
  int64_t first = 0;    ///< elements before the first value
  int64_t between = 0;  ///< elements between what would be neighbours in the slower dimension
};

}  // namespace kones
