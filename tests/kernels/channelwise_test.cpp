// Every type and tier against plain loops over vectors of int64.
#include "kones/kernels/channelwise.h"

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "kernels/tested_tiers.h"
#include <gtest/gtest.h>

namespace kones::kernels {
namespace {

constexpr int64_t pixels = 7;

template <typename T>
class Channelwise : public testing::Test {
 protected:
  /// Numbers of every magnitude that T has, up to 2^40, ends included.
  std::vector<T> numbers(int64_t count) {
    std::vector<T> result;
    for (int64_t index = 0; index < count; ++index) {
      const int bits = std::uniform_int_distribution<int>(0, std::min<int>(8 * sizeof(T), 40))(random_);
      const auto value = static_cast<T>(random_() >> (64 - std::max(bits, 1)));
      result.push_back(std::is_signed_v<T> && random_() % 2 == 0 ? static_cast<T>(-value) : value);
    }
    result.front() = sizeof(T) < 8 ? std::numeric_limits<T>::max() : T{1};
    result.back() = sizeof(T) < 8 ? std::numeric_limits<T>::min() : T{0};
    return result;
  }

  int64_t between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  template <typename Out>
  void expect_requantized(int64_t channels, CpuTier tier) {
    const std::vector<T> x = numbers(pixels * channels);
    ChannelScaling scaling;
    for (int64_t c = 0; c < channels; ++c) {
      scaling.multiplier.push_back(static_cast<int32_t>(between(-32767, 32767)));
      scaling.shift.push_back(c == 0 ? 0 : between(0, 62));
      scaling.addend.push_back(between(-(int64_t{1} << 61), int64_t{1} << 61) >> between(0, 61));
    }
    const StoredRange range = {-5, 100, 5};
    std::vector<Out> y(x.size());
    requantize(x.data(), pixels, scaling, range, y.data(), tier);
    for (std::size_t index = 0; index < x.size(); ++index) {
      const std::size_t c = index % channels;
      const int64_t shifted =
          (int64_t{x[index]} * scaling.multiplier[c] + scaling.addend[c]) >> scaling.shift[c];
      ASSERT_EQ(y[index], std::clamp<int64_t>(shifted, -5, 100) + 5) << "channel " << c << " of " << channels;
    }
  }

  std::mt19937_64 random_{1};
};

using Integers = testing::Types<uint8_t, int16_t, int32_t, int64_t>;
TYPED_TEST_SUITE(Channelwise, Integers);

// Seen to fail on: division for the shift.
TYPED_TEST(Channelwise, Requantize) {
  for (const CpuTier tier : tested_tiers()) {
    for (const int64_t channels : {1, 3, 16, 37, 130}) {
      this->template expect_requantized<uint8_t>(channels, tier);
      this->template expect_requantized<int16_t>(channels, tier);
      this->template expect_requantized<int32_t>(channels, tier);
    }
  }
}

// Seen to fail on: > for >=.
TYPED_TEST(Channelwise, Threshold) {
  for (const CpuTier tier : tested_tiers()) {
    for (const int64_t channels : {1, 3, 16, 37, 130}) {
      const std::vector<TypeParam> x = this->numbers(pixels * channels);
      ChannelInterval interval;
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t bound = c % 5 == 4   ? int64_t{1} << 35
                              : c % 5 == 3 ? -(int64_t{1} << 35)
                                           : int64_t{x[c]};
        const bool is_rising = this->between(0, 1) == 1;
        interval.append(is_rising ? bound : INT64_MIN, is_rising ? INT64_MAX : bound);
      }
      std::vector<uint8_t> y(x.size());
      threshold(x.data(), pixels, interval, y.data(), tier);
      for (std::size_t index = 0; index < x.size(); ++index) {
        const std::size_t c = index % channels;
        const bool is_inside = x[index] >= interval.low[c] && x[index] <= interval.high[c];
        ASSERT_EQ(y[index], is_inside ? 2 : 0) << "channel " << c << " of " << channels;
      }
    }
  }
}

/// The numbers under the window of output pixel (row, column), channel c.
template <typename T>
std::vector<int64_t> window_of(const std::vector<T>& x, const PoolShape& shape, int64_t row, int64_t column,
                               int64_t c) {
  std::vector<int64_t> window;
  for (int64_t ky = 0; ky < shape.kernel_height; ++ky) {
    for (int64_t kx = 0; kx < shape.kernel_width; ++kx) {
      const int64_t y = row * shape.stride_height - shape.padding_height + ky;
      const int64_t z = column * shape.stride_width - shape.padding_width + kx;
      if (y < 0 || y >= shape.in_height || z < 0 || z >= shape.in_width) continue;
      window.push_back(x[(y * shape.in_width + z) * shape.channels + c]);
    }
  }
  return window;
}

// Overlapping, padded windows that hang over the edges. Seen to fail on: the padding counted as pixels.
TYPED_TEST(Channelwise, Pooling) {
  for (const CpuTier tier : tested_tiers()) {
    for (const int64_t channels : {1, 3, 16, 37}) {
      const PoolShape shape = {channels, 7, 6, 4, 4, 3, 2, 2, 2, 1, 1};
      const std::vector<TypeParam> x = this->numbers(7 * 6 * channels);
      std::vector<TypeParam> largest(4 * 4 * channels);
      std::vector<int64_t> average(largest.size());
      max_pool(x.data(), shape, largest.data(), tier);
      avg_pool(x.data(), shape, 128, 12, average.data(), tier);
      std::vector<int32_t> narrow(largest.size());
      if (sizeof(TypeParam) < 4) avg_pool(x.data(), shape, 128, 12, narrow.data(), tier);
      for (std::size_t index = 0; index < largest.size(); ++index) {
        const int64_t pixel = index / channels;
        const std::vector<int64_t> window = window_of(x, shape, pixel / 4, pixel % 4, index % channels);
        ASSERT_EQ(largest[index], *std::max_element(window.begin(), window.end()));
        int64_t sum = 0;
        for (const int64_t value : window) sum += value - 128;
        const int64_t expected = sum * (12 / static_cast<int64_t>(window.size()));
        ASSERT_EQ(average[index], expected);
        if (sizeof(TypeParam) < 4) {
          ASSERT_EQ(narrow[index], expected);
        }
      }
    }
  }
}

}  // namespace
}  // namespace kones::kernels
