#include "kones/kernels/integer_conv2d.h"

#include <algorithm>
#include <limits>
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

ConvolutionShape integer_shape(const XnorShape& s) {
  ConvolutionShape shape;
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

std::string describe(const ConvolutionShape& s) {
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

  Case(const ConvolutionShape& shape, int64_t batch, Levels kind, int zero_point = 0, int64_t gap = 0)
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
    const ConvolutionShape& s = shape;
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

  ConvolutionShape shape;
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

/// Seen to fail on: padding that is not the zero point, a zero point left out of the sums, the channels of
/// another group, rows without their dilation, runs across rows, weights past the end of a run, an output's
/// sign or scale not taken back, the rest of a level lost, lanes past the last output written.
TEST_P(IntegerConv2dTest, SumsOfUint8AreExactOverTheGrid) {
  check_grid<uint8_t>(GetParam());
}
TEST_P(IntegerConv2dTest, SumsOfInt16AreExactOverTheGrid) {
  check_grid<int16_t>(GetParam());
}
TEST_P(IntegerConv2dTest, SumsOfInt32AreExactOverTheGrid) {
  check_grid<int32_t>(GetParam());
}

template <typename T>
void check(const ConvolutionShape& shape, int64_t batch, Levels kind, CpuTier tier,
           const Parallel& parallel = {}, int64_t gap = 0) {
  const Case<T> test(shape, batch, kind, sizeof(T) == 1 ? 128 : 0, gap);
  ASSERT_EQ(test.run(tier, parallel), test.sums)
      << describe(shape) << ", batch " << batch << ", " << 8 * sizeof(T) << " bits, levels "
      << static_cast<int>(kind) << ", " << parallel.threads << " threads, gap " << gap;
}

/// Every number of vectors in a panel, of lanes in a vector and of pixels in a tile, and the tails of steps.
/// Seen to fail on: tiles that overlap, products that saturate.
TEST_P(IntegerConv2dTest, EveryNumberOfChannelsOutputsAndPixelsIsExact) {
  for (int64_t number = 1; number <= 140; ++number) {
    ConvolutionShape shape;
    shape.in_channels = 1 + number * 3 % 40;
    shape.out_channels = number;
    shape.in_height = 2;
    shape.in_width = 1 + number % 26;
    shape.kernel_width = 3;
    shape.padding_width = 1;
    ASSERT_NO_FATAL_FAILURE(check<uint8_t>(shape, 1, Levels::int8, GetParam()));
    ASSERT_NO_FATAL_FAILURE(check<int16_t>(shape, 1, Levels::int16, GetParam()));
    ASSERT_NO_FATAL_FAILURE(check<int32_t>(shape, 1, Levels::int16, GetParam()));
  }
}

/// Images of one pixel, read where they are or copied. Seen to fail on: the gap between pixels left out.
TEST_P(IntegerConv2dTest, LinearLayersAreExact) {
  for (const int64_t channels : {1, 3, 4, 500, 1601, 1604}) {
    for (const int64_t groups : {1, 3}) {
      for (const int64_t batch : {1, 2, 7, 61}) {
        ConvolutionShape shape;
        shape.groups = groups;
        shape.in_channels = groups * channels;
        shape.out_channels = groups * 67;
        for (const int threads : {1, 4}) {
          for (const int64_t gap : {0, 5}) {
            if (channels > 1000 && (batch == 61 || (threads > 1 && gap > 0))) continue;
            ASSERT_NO_FATAL_FAILURE(
                check<uint8_t>(shape, batch, Levels::light_nn_2, GetParam(), on_threads(threads), gap));
            ASSERT_NO_FATAL_FAILURE(
                check<int16_t>(shape, batch, Levels::int16, GetParam(), on_threads(threads), gap));
          }
        }
        ASSERT_NO_FATAL_FAILURE(
            check<int32_t>(shape, std::min<int64_t>(batch, 2), Levels::int16, GetParam()));
      }
    }
  }
}

/// More panels than threads, some for each. Seen to fail on: panels of a task left out.
TEST_P(IntegerConv2dTest, WideLayersAreExact) {
  ConvolutionShape shape;
  shape.in_channels = 21;
  shape.out_channels = 1000;
  for (const int threads : {1, 2, 3}) {
    ASSERT_NO_FATAL_FAILURE(check<uint8_t>(shape, 3, Levels::int8, GetParam(), on_threads(threads)));
    ASSERT_NO_FATAL_FAILURE(check<int16_t>(shape, 3, Levels::int16, GetParam(), on_threads(threads)));
  }
}

/// More steps than are multiplied at a time; and a sum within int32 of bytes whose own sum is not. Seen to
/// fail on: later steps that replace the sums of earlier ones, products that saturate.
TEST_P(IntegerConv2dTest, LongSumsAreExact) {
  ConvolutionShape shape;
  shape.in_channels = 40000;
  shape.out_channels = 17;
  ASSERT_NO_FATAL_FAILURE(check<uint8_t>(shape, 2, Levels::few_128, GetParam()));
  ASSERT_NO_FATAL_FAILURE(check<int16_t>(shape, 2, Levels::int16, GetParam()));
  ASSERT_NO_FATAL_FAILURE(check<int32_t>(shape, 2, Levels::int16, GetParam()));

  shape.in_channels = 70000;
  Case<uint8_t> test(shape, 1, Levels::int8, 128);
  std::fill(test.x.begin(), test.x.end(), uint8_t{255});
  std::fill(test.levels.begin(), test.levels.end(), 127);
  test.add_up();
  EXPECT_EQ(test.sums[0], 70000 * 127 * 127);
  EXPECT_EQ(test.run(GetParam()), test.sums);
}

/// Convolutions of images as they lie: kernels of one pixel, without padding, with a stride or not.
TEST_P(IntegerConv2dTest, ImagesWithoutPaddingAreExact) {
  for (const int64_t kernel : {1, 2}) {
    for (const int64_t stride : {1, 2, 3}) {
      for (const int64_t gap : {0, 4}) {
        ConvolutionShape shape;
        shape.in_channels = 8;
        shape.out_channels = 21;
        shape.in_height = 7;
        shape.in_width = 9;
        shape.kernel_height = shape.kernel_width = kernel;
        shape.stride_height = stride;
        shape.stride_width = 1 + stride % 3;
        ASSERT_NO_FATAL_FAILURE(check<uint8_t>(shape, 3, Levels::few_128, GetParam(), {}, gap));
        ASSERT_NO_FATAL_FAILURE(check<int16_t>(shape, 3, Levels::int16, GetParam(), {}, gap));
        ASSERT_NO_FATAL_FAILURE(check<int32_t>(shape, 3, Levels::int16, GetParam(), {}, gap));
      }
    }
  }
}

/// More than is worked on at a time: several images, the rows of a large one, in one thread and more. Seen to
/// fail on: the first rows taken for others, a copy kept for the next images.
TEST_P(IntegerConv2dTest, ManyAndLargeImagesAreExact) {
  ConvolutionShape many;
  many.in_channels = 20;
  many.out_channels = 5;
  many.in_height = many.in_width = 50;
  many.kernel_height = many.kernel_width = 3;
  many.padding_height = many.padding_width = 1;
  ConvolutionShape large = many;
  large.in_channels = 1;
  large.out_channels = 3;
  large.in_height = 500;
  large.in_width = 501;
  large.stride_height = 2;
  ConvolutionShape in_place;
  in_place.in_channels = 4;
  in_place.out_channels = 3;
  in_place.in_height = 400;
  in_place.in_width = 301;
  for (const int threads : {1, 3}) {
    const Parallel parallel = on_threads(threads);
    ASSERT_NO_FATAL_FAILURE(check<uint8_t>(many, 7, Levels::light_nn_1, GetParam(), parallel));
    ASSERT_NO_FATAL_FAILURE(check<int16_t>(many, 3, Levels::int16, GetParam(), parallel));
    ASSERT_NO_FATAL_FAILURE(check<uint8_t>(large, 2, Levels::ternary, GetParam(), parallel, 1));
    ASSERT_NO_FATAL_FAILURE(check<int32_t>(large, 1, Levels::int16, GetParam(), parallel));
    ASSERT_NO_FATAL_FAILURE(check<uint8_t>(in_place, 2, Levels::int8, GetParam(), parallel));
    ASSERT_NO_FATAL_FAILURE(check<uint8_t>(in_place, 2, Levels::int8, GetParam(), parallel, 3));
  }
}

/// A copy of the padding and of the pixels between taps would be large: windows are copied instead. Seen to
/// fail on: the first columns taken for others.
TEST_P(IntegerConv2dTest, WindowsOfDistantTapsAreExact) {
  for (const int64_t groups : {1, 2}) {
    for (const int64_t dilation_width : {1, 200}) {
      ConvolutionShape shape;
      shape.groups = groups;
      shape.in_channels = groups * 45;
      shape.out_channels = groups * 17;
      shape.in_height = 3;
      shape.in_width = 5;
      shape.kernel_height = shape.kernel_width = 2;
      shape.padding_height = shape.padding_width = 255;
      shape.dilation_height = 255;
      shape.dilation_width = dilation_width;
      shape.stride_height = 64;
      shape.stride_width = 63;
      ASSERT_TRUE(IntegerPlan(std::vector<int32_t>(shape.out_channels * shape.inputs()).data(), shape,
                              IntegerOperand::uint8, 0, GetParam())
                      .patches);
      ASSERT_NO_FATAL_FAILURE(check<uint8_t>(shape, 3, Levels::light_nn_2, GetParam(), {}, 1));
      ASSERT_NO_FATAL_FAILURE(check<int16_t>(shape, 3, Levels::int16, GetParam(), on_threads(2)));
      ASSERT_NO_FATAL_FAILURE(check<int32_t>(shape, 1, Levels::int16, GetParam()));
    }
  }
  ConvolutionShape wide;  // some pixels of a row at a time
  wide.in_channels = 30001;
  wide.out_channels = 2;
  wide.in_height = 2;
  wide.in_width = 6;
  wide.kernel_height = wide.kernel_width = 2;
  wide.padding_height = wide.padding_width = 90;
  wide.dilation_height = wide.dilation_width = 91;
  wide.stride_width = 7;
  wide.stride_height = 40;
  ASSERT_NO_FATAL_FAILURE(check<uint8_t>(wide, 1, Levels::int8, GetParam()));
}

/// Sums of nothing but extremes: additions of pairs pass the range of int32, and sums are modulo 2^32.
TEST_P(IntegerConv2dTest, ExtremesAreExact) {
  ConvolutionShape shape;
  shape.in_channels = 70;
  shape.out_channels = 18;
  shape.in_width = 9;
  shape.kernel_width = 3;
  shape.padding_width = 1;
  const auto check_constant = [&](auto x, int32_t level) {
    using T = decltype(x);
    Case<T> test(shape, 1, Levels::int8);
    std::fill(test.x.begin(), test.x.end(), x);
    std::fill(test.levels.begin(), test.levels.end(), level);
    test.add_up();
    ASSERT_EQ(test.run(GetParam()), test.sums) << +x << " times " << level;
  };
  for (const int32_t level :
       {-256, -255, -129,  -128,  -127,   -1,     0,     1,     127,    128,    129,     192,
        255,  256,  32767, 32768, -32768, -32769, 65535, 65536, 131071, 131072, -131071, -131072}) {
    for (const int x : {0, 1, 127, 128, 255}) check_constant(static_cast<uint8_t>(x), level);
    for (const int x : {-32768, -32767, -1, 0, 1, 255, 32767}) check_constant(static_cast<int16_t>(x), level);
  }
  for (const int32_t level : {INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX})
    for (const int32_t x : {INT32_MIN, INT32_MIN + 1, -1, 0, 1, 65535, INT32_MAX}) check_constant(x, level);
}

/// A linear layer's weights as the scalar tier, whose panels have one vector, multiplies them.
class IntegerForms : public testing::Test {
 protected:
  static constexpr int64_t outputs = 64;
  static constexpr int64_t inputs = 400;

  IntegerForms() : levels(outputs * inputs, 1) {
    shape.in_channels = inputs;
    shape.out_channels = outputs;
  }
  IntegerPlan plan(IntegerOperand operand = IntegerOperand::uint8) const {
    return IntegerPlan(levels.data(), shape, operand, 0, CpuTier::scalar);
  }
  int32_t& level(int64_t output, int64_t input) { return levels[output * inputs + input]; }
  static int64_t vectors_of(const IntegerPlan& plan) {
    return plan.weight_bytes / integer_vector / integer_step;
  }

  ConvolutionShape shape;
  std::vector<int32_t> levels;
};

TEST_F(IntegerForms, BytesTakeNoMoreThanTheyMust) {
  const int64_t least = outputs / integer_vector * inputs / 4;
  EXPECT_EQ(plan().form, IntegerForm::bytes);
  EXPECT_EQ(vectors_of(plan()), least);

  for (int64_t i = 1; i < inputs; ++i) level(3, i) = 128;
  level(4, 7) = -128;
  EXPECT_EQ(vectors_of(plan()), least);  // the output's sign is changed
  level(3, 9) = -128;
  EXPECT_EQ(vectors_of(plan()), least + 1);
  level(3, 10) = -128;  // of the same step
  EXPECT_EQ(vectors_of(plan()), least + 1);
  level(20, 9) = 129;  // of another panel
  level(21, 9) = -256;
  EXPECT_EQ(vectors_of(plan()), least + 2);
  level(21, 0) = 256;
  EXPECT_EQ(plan().form, IntegerForm::bytes);
  EXPECT_EQ(vectors_of(plan()), least + 4);  // 256 is more than twice 127

  for (int64_t i = 0; i < inputs; ++i) level(5, i) = i % 2 == 0 ? 2 : -256;
  EXPECT_EQ(vectors_of(plan()), least + 4);  // even levels are halved
}

TEST_F(IntegerForms, HalvesAreTakenWhereBytesAreMore) {
  for (int64_t i = 0; i < inputs; ++i) level(i % outputs, i) = i % 3 == 0 ? 1000 : -1000;
  EXPECT_EQ(plan().form, IntegerForm::halves);
  EXPECT_EQ(vectors_of(plan()), outputs / integer_vector * inputs / 2);
}

TEST_F(IntegerForms, WhatNoWeightNeedsIsLeftOut) {
  std::fill(levels.begin(), levels.end(), 0);
  level(17, 200) = 3;
  EXPECT_EQ(vectors_of(plan()), outputs / integer_vector + 1);  // each panel has its first step
}

TEST_F(IntegerForms, OthersAreRefused) {
  level(0, 0) = IntegerConv2d::max_level + 1;
  EXPECT_THROW(IntegerConv2d(levels.data(), shape, IntegerOperand::uint8), std::invalid_argument);
  EXPECT_THROW(IntegerConv2d(levels.data(), shape, IntegerOperand::int16), std::invalid_argument);
  const IntegerConv2d words(levels.data(), shape, IntegerOperand::int32);
  level(0, 0) = 1;
  const IntegerConv2d halves(levels.data(), shape, IntegerOperand::int16);
  EXPECT_EQ(halves.operand(), IntegerOperand::int16);
  EXPECT_EQ(halves.shape().in_channels, inputs);
  const std::vector<uint8_t> bytes(inputs);
  const std::vector<int32_t> numbers(inputs);
  std::vector<int32_t> sums(outputs);
  std::vector<int64_t> long_sums(outputs);
  EXPECT_THROW(halves.run(bytes.data(), inputs, 1, sums.data(), outputs), std::invalid_argument);
  EXPECT_THROW(halves.run(numbers.data(), inputs, 1, long_sums.data(), outputs), std::invalid_argument);
  words.run(numbers.data(), inputs, 0, nullptr, outputs);  // no images, no sums
}

}  // namespace
}  // namespace kones::kernels
