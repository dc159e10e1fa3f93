#include "kones/kernels/integer_conv2d.h"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "kernels/xnor_case.h"
#include <gtest/gtest.h>

#include "kones/kernels/integer_plan.h"

namespace kones::kernels {
namespace {

/// Threads of its own, each with a range.
Parallel on_threads(int threads) {
  Parallel parallel;
  parallel.threads = threads;
  parallel.run = [threads](int64_t count, const Parallel::Range& function) {
    std::vector<std::thread> running;
    for (int thread = 0; thread < threads; ++thread) {
      const int64_t begin = thread * count / threads;
      const int64_t end = (thread + 1) * count / threads;
      if (begin < end) running.emplace_back([=] { function(begin, end); });
    }
    for (std::thread& one : running) one.join();
  };
  return parallel;
}

/// What levels are drawn from.
enum class Levels {
  light_nn_1,  ///< plus and minus 1, 2, 4 .. 128, all as likely
  light_nn_2,  ///< sums of two of them: to 256
  few_128,     ///< LightNN-1, of which one in a thousand is 128 or -128
  even,        ///< even ones to 256, 0 among them
  ternary,
  int8,
  int16,
  widest,  ///< to max_level
  count,
};

int32_t draw_level(Levels levels, std::mt19937& random) {
  const auto power = [&](int most) { return 1 << random() % (most + 1); };
  const int32_t sign = random() % 2 == 0 ? 1 : -1;
  switch (levels) {
    case Levels::light_nn_1:
      return sign * power(7);
    case Levels::light_nn_2:
      return sign * (power(7) + power(7));
    case Levels::few_128:
      return sign * (random() % 1000 == 0 ? 128 : power(6));
    case Levels::even:
      return sign * 2 * static_cast<int32_t>(random() % 129);
    case Levels::ternary:
      return static_cast<int32_t>(random() % 3) - 1;
    case Levels::int8:
      return random() % 4 == 0 ? (sign < 0 ? INT8_MIN : INT8_MAX) : static_cast<int8_t>(random());
    case Levels::int16:
      return random() % 4 == 0 ? (sign < 0 ? INT16_MIN : INT16_MAX) : static_cast<int16_t>(random());
    default:
      return random() % 4 == 0
                 ? sign * IntegerConv2d::max_level
                 : static_cast<int32_t>(random() % (2 * IntegerConv2d::max_level)) - IntegerConv2d::max_level;
  }
}

template <typename T>
constexpr IntegerOperand operand_of = sizeof(T) == 1   ? IntegerOperand::uint8
                                      : sizeof(T) == 2 ? IntegerOperand::int16
                                                       : IntegerOperand::int32;
template <typename T>
using SumOf = std::conditional_t<sizeof(T) == 4, int64_t, int32_t>;

IntegerShape integer_shape(const XnorShape& s) {
  IntegerShape shape;
  shape.in_channels = s.in_channels;
  shape.in_height = s.in_height;
  shape.in_width = s.in_width;
  shape.out_channels = s.out_channels;
  shape.kernel_height = s.kernel_height;
  shape.kernel_width = s.kernel_width;
  shape.stride_height = s.stride_height;
  shape.stride_width = s.stride_width;
  shape.padding_height = s.padding_height;
  shape.padding_width = s.padding_width;
  shape.dilation_height = s.dilation_height;
  shape.dilation_width = s.dilation_width;
  shape.groups = s.groups;
  return shape;
}

std::string describe(const IntegerShape& s) {
  XnorShape shape;
  shape.in_channels = s.in_channels;
  shape.in_height = s.in_height;
  shape.in_width = s.in_width;
  shape.out_channels = s.out_channels;
  shape.kernel_height = s.kernel_height;
  shape.kernel_width = s.kernel_width;
  shape.stride_height = s.stride_height;
  shape.stride_width = s.stride_width;
  shape.padding_height = s.padding_height;
  shape.padding_width = s.padding_width;
  shape.dilation_height = s.dilation_height;
  shape.dilation_width = s.dilation_width;
  shape.groups = s.groups;
  return kones::describe(shape);
}

/// Operands of a shape with all the extremes of their types among them, and the true sums as the definition
/// says them. Pixels have what must not be read or written between them.
template <typename T>
struct Case {
  using Sum = SumOf<T>;
  static constexpr Sum untouched = 123456789;

  Case(const IntegerShape& shape, int64_t batch, Levels kind, int zero_point = 0, int64_t gap = 0)
      : shape(shape),
        batch(batch),
        zero_point(zero_point),
        in_stride(shape.in_channels + gap),
        sum_stride(shape.out_channels + gap) {
    std::mt19937 random(static_cast<uint32_t>(shape.in_channels * 31 + shape.out_channels + batch));
    levels.resize(shape.out_channels * shape.inputs());
    for (int32_t& level : levels) level = sizeof(T) == 4 ? draw_wide(random) : draw_level(kind, random);
    const int64_t pixels = batch * shape.in_height * shape.in_width;
    x.resize(pixels * in_stride - gap);
    for (T& value : x) value = draw_activation(random);
    add_up();
  }

  static int32_t draw_wide(std::mt19937& random) {
    const uint32_t word = random();
    return word % 4 == 0 ? (word % 8 == 0 ? INT32_MIN : INT32_MAX) : static_cast<int32_t>(random());
  }
  static T draw_activation(std::mt19937& random) {
    const uint32_t word = random();
    if (word % 4 != 0) return static_cast<T>(random());
    return word % 8 == 0 ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  }

  void add_up() {
    using Unsigned = std::make_unsigned_t<Sum>;
    const IntegerShape& s = shape;
    const int64_t channels = s.group_in_channels();
    std::vector<int32_t> by_taps(levels.size());  // [out][taps][group channels]
    for (int64_t o = 0; o < s.out_channels; ++o)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t tap = 0; tap < s.taps(); ++tap)
          by_taps[(o * s.taps() + tap) * channels + c] = levels[(o * channels + c) * s.taps() + tap];
    const int64_t pixels = batch * s.out_height() * s.out_width();
    sums.assign(pixels * sum_stride, untouched);
    Sum* to = sums.data();
    for (int64_t n = 0; n < batch; ++n) {
      for (int64_t y = 0; y < s.out_height(); ++y) {
        for (int64_t column = 0; column < s.out_width(); ++column, to += sum_stride) {
          for (int64_t o = 0; o < s.out_channels; ++o) {
            Unsigned sum = 0;
            for (int64_t tap = 0; tap < s.taps(); ++tap) {
              const int64_t from_y =
                  y * s.stride_height - s.padding_height + tap / s.kernel_width * s.dilation_height;
              const int64_t from_x =
                  column * s.stride_width - s.padding_width + tap % s.kernel_width * s.dilation_width;
              if (from_y < 0 || from_y >= s.in_height || from_x < 0 || from_x >= s.in_width) continue;
              const T* a = x.data() + ((n * s.in_height + from_y) * s.in_width + from_x) * in_stride +
                           o / s.group_out_channels() * channels;
              const int32_t* w = by_taps.data() + (o * s.taps() + tap) * channels;
              for (int64_t c = 0; c < channels; ++c)
                sum += static_cast<Unsigned>(Sum{a[c]} - zero_point) * static_cast<Unsigned>(Sum{w[c]});
            }
            to[o] = static_cast<Sum>(sum);
          }
        }
      }
    }
  }

  std::vector<Sum> run(CpuTier tier, const Parallel& parallel = {}) const {
    const IntegerConv2d conv(levels.data(), shape, operand_of<T>, zero_point, tier);
    std::vector<Sum> result(sums.size(), untouched);
    conv.run(x.data(), in_stride, batch, result.data(), sum_stride, parallel);
    return result;
  }

  IntegerShape shape;
  int64_t batch;
  int zero_point;
  int64_t in_stride;
  int64_t sum_stride;
  std::vector<int32_t> levels;
  std::vector<T> x;
  std::vector<Sum> sums;
};

std::string tier_name(const testing::TestParamInfo<CpuTier>& info) {
  return std::string(cpu_tier_name(info.param));
}

class IntegerConv2dTest : public testing::TestWithParam<CpuTier> {};
INSTANTIATE_TEST_SUITE_P(Tiers, IntegerConv2dTest, testing::ValuesIn(available_cpu_tiers()), tier_name);

template <typename T>
void check_grid(CpuTier tier) {
  int index = 0;
  for (const XnorShape& xnor_shape : shape_grid(2)) {
    const auto kind = static_cast<Levels>(index % static_cast<int>(Levels::count));
    const int zero_point = sizeof(T) == 1 ? std::vector<int>{0, 1, 128, 255}[index / 8 % 4] : 0;
    const Case<T> test(integer_shape(xnor_shape), 2, kind, zero_point, index % 3);
    ASSERT_EQ(test.run(tier), test.sums)
        << kones::describe(xnor_shape) << ", levels " << index % static_cast<int>(Levels::count)
        << ", zero point " << zero_point;
    ++index;
  }
}

TEST_P(IntegerConv2dTest, SumsOfUint8AreExactOverTheGrid) {
  check_grid<uint8_t>(GetParam());
}
TEST_P(IntegerConv2dTest, SumsOfInt16AreExactOverTheGrid) {
  check_grid<int16_t>(GetParam());
}
TEST_P(IntegerConv2dTest, SumsOfInt32AreExactOverTheGrid) {
  check_grid<int32_t>(GetParam());
}

}  // namespace
}  // namespace kones::kernels
