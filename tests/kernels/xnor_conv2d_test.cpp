#include "kones/kernels/xnor_conv2d.h"

#include <cstring>
#include <thread>

#include "kernels/tested_tiers.h"
#include "kernels/xnor_case.h"
#include <gtest/gtest.h>

#include "kones/kernels/signs.h"

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

/// Operands of a shape, the weights packed, and the true sums.
struct Case {
  explicit Case(const XnorShape& shape)
      : shape(shape),
        x(sign_inputs(shape.batch * shape.in_height * shape.in_width * shape.in_channels, 1)),
        weight(sign_inputs(shape.out_channels * shape.group_in_channels() * shape.taps(), 2)),
        sums(reference_sums(shape, x, weight)),
        layout(SignLayout::channels_last(shape.batch, shape.in_height * shape.in_width, shape.in_channels,
                                         shape.groups)),
        words(layout.words()),
        prepacked(shape.prepacked_bytes()) {
    pack_signs(x.data(), layout, {0, layout.batch * layout.pixels}, words.data(), nullptr, CpuTier::scalar);
    const SignLayout weights =
        SignLayout::channels_first(shape.out_channels, shape.taps(), shape.group_in_channels());
    std::vector<uint64_t> weight_words(weights.words());
    pack_signs(weight.data(), weights, {0, weights.batch * weights.pixels}, weight_words.data(), nullptr,
               CpuTier::scalar);
    xnor_prepack(weight_words.data(), shape, prepacked.data());
  }

  XnorInput word_input() const { return {XnorInput::Kind::words, words.data(), layout}; }
  int64_t pixels() const { return shape.batch * shape.out_height() * shape.out_width(); }
  int64_t outputs() const { return pixels() * shape.out_channels; }
  int64_t output_words() const { return pixels() * ((shape.out_channels + 63) / 64); }

  /// An output with its values in channels-last or channels-first order.
  template <typename T>
  XnorOutput<T> output(std::vector<T>& values, bool channels_last) const {
    values.resize(outputs());
    const int64_t image_pixels = shape.out_height() * shape.out_width();
    XnorOutput<T> output;
    output.values = values.data();
    output.batch_stride = image_pixels * shape.out_channels;
    output.pixel_stride = channels_last ? shape.out_channels : 1;
    output.channel_stride = channels_last ? 1 : image_pixels;
    return output;
  }

  /// `values`, channels last, in channels-first order.
  template <typename T>
  std::vector<T> channels_first(const std::vector<T>& values) const {
    std::vector<T> result(values.size());
    const int64_t image_pixels = shape.out_height() * shape.out_width();
    for (int64_t n = 0; n < shape.batch; ++n)
      for (int64_t p = 0; p < image_pixels; ++p)
        for (int64_t o = 0; o < shape.out_channels; ++o)
          result[(n * shape.out_channels + o) * image_pixels + p] =
              values[(n * image_pixels + p) * shape.out_channels + o];
    return result;
  }

  XnorShape shape;
  std::vector<float> x;
  std::vector<float> weight;
  std::vector<int32_t> sums;
  SignLayout layout;
  std::vector<uint64_t> words;
  std::vector<uint8_t> prepacked;
};

std::string tier_name(const testing::TestParamInfo<CpuTier>& info) {
  return std::string(cpu_tier_name(info.param));
}

class XnorConv2d : public testing::TestWithParam<CpuTier> {};
INSTANTIATE_TEST_SUITE_P(Tiers, XnorConv2d, testing::ValuesIn(tested_tiers()), tier_name);

/// Meant to catch: a border counted, a row skipped that is none, the wrong tap of a dilated kernel, bits
/// across the words of a patch, the tail of words or of pixels, a group's neighbours.
TEST_P(XnorConv2d, SumsAreExactOverTheGrid) {
  for (const XnorShape& shape : shape_grid(2)) {
    const Case test(shape);
    std::vector<int32_t> sums;
    const XnorOutput<int32_t> output = test.output(sums, true);
    xnor_conv2d(test.word_input(), test.prepacked.data(), shape, {}, output, {}, GetParam());
    ASSERT_EQ(sums, test.sums) << describe(shape);
  }
}

TEST_P(XnorConv2d, SumsAreExactForEveryNumberOfChannels) {
  for (int64_t channels = 1; channels <= 130; ++channels) {
    XnorShape shape;
    shape.in_channels = channels == 129 ? 512 : channels == 130 ? 2000 : channels;
    shape.out_channels = 1 + channels % 35;
    shape.in_height = 4;
    shape.in_width = 1 + channels % 12;
    shape.kernel_height = shape.kernel_width = 3;
    shape.padding_height = shape.padding_width = 1;
    const Case test(shape);
    std::vector<int32_t> sums;
    xnor_conv2d(test.word_input(), test.prepacked.data(), shape, {}, test.output(sums, true), {}, GetParam());
    ASSERT_EQ(sums, test.sums) << describe(shape);
    xnor_conv2d(test.word_input(), test.prepacked.data(), shape, {}, test.output(sums, false), {},
                GetParam());
    ASSERT_EQ(sums, test.channels_first(test.sums)) << describe(shape);
  }
}

/// Meant to catch: the sums of another column, a pixel left out or put elsewhere where tiles meet.
TEST_P(XnorConv2d, RowsOfEveryWidthAreExact) {
  for (int64_t width = 1; width <= 100; ++width) {
    XnorShape shape;
    shape.in_channels = 1 + width * 13 % 70;
    shape.out_channels = 1 + width % 67;
    shape.in_height = 2;
    shape.in_width = width;
    shape.kernel_height = 1 + width % 2;
    shape.kernel_width = 5;
    shape.padding_width = 2 + width % 3;
    shape.stride_width = 1 + width % 2;
    const Case test(shape);
    std::vector<int32_t> sums;
    xnor_conv2d(test.word_input(), test.prepacked.data(), shape, {}, test.output(sums, true), {}, GetParam());
    ASSERT_EQ(sums, test.sums) << describe(shape);
  }
}

/// Memory for the padding would be far more than there is. Meant to catch: that, a column of outputs without
/// a real tap taken for another, rows or images of padding alone.
TEST_P(XnorConv2d, EnormousPaddingsAreExact) {
  for (const int64_t channels : {3, 70}) {
    for (const int64_t kernel : {1, 3}) {
      for (const int64_t stride : {int64_t{1} << 29, (int64_t{1} << 29) + 1, (int64_t{1} << 29) + 6}) {
        for (const int64_t padding_height : {0, 3}) {
          XnorShape shape;
          shape.batch = 2;
          shape.in_channels = channels;
          shape.out_channels = 85;
          shape.in_height = 2;
          shape.in_width = 5;
          shape.kernel_height = shape.kernel_width = kernel;
          shape.padding_height = padding_height + (kernel - 1) / 2;
          shape.padding_width = int64_t{1} << 29;
          shape.stride_width = stride;
          const Case test(shape);
          for (const int threads : {1, 3}) {
            std::vector<int32_t> sums;
            xnor_conv2d(test.word_input(), test.prepacked.data(), shape, {}, test.output(sums, true),
                        on_threads(threads), GetParam());
            ASSERT_EQ(sums, test.sums) << describe(shape);
            xnor_conv2d(test.word_input(), test.prepacked.data(), shape, {}, test.output(sums, false),
                        on_threads(threads), GetParam());
            ASSERT_EQ(sums, test.channels_first(test.sums)) << describe(shape);
          }
        }
      }
    }
  }
  XnorShape shape;  // the widest padding that sizes of 32 bits have
  shape.in_channels = 70;
  shape.out_channels = 85;
  shape.in_width = 5;
  shape.kernel_width = 3;
  shape.padding_width = (int64_t{1} << 31) - 1;
  shape.stride_width = int64_t{1} << 30;
  const Case test(shape);
  std::vector<int32_t> sums;
  xnor_conv2d(test.word_input(), test.prepacked.data(), shape, {}, test.output(sums, true), {}, GetParam());
  EXPECT_EQ(sums, test.sums);
}

/// Columns and rows of outputs whose taps lie on both sides of the image.
TEST_P(XnorConv2d, GapsWiderThanTheImageAreExact) {
  for (const int64_t channels : {3, 70}) {
    for (int64_t padding = 0; padding <= 14; ++padding) {
      for (int64_t stride = 1; stride <= 5; ++stride) {
        XnorShape shape;
        shape.in_channels = channels;
        shape.out_channels = 19;
        shape.in_height = shape.in_width = 2;
        shape.kernel_height = shape.kernel_width = 3;
        shape.dilation_height = shape.dilation_width = 5;
        shape.padding_height = 5;
        shape.padding_width = padding;
        shape.stride_width = stride;
        if (shape.in_width + 2 * padding < 11) continue;
        const Case test(shape);
        std::vector<int32_t> sums;
        xnor_conv2d(test.word_input(), test.prepacked.data(), shape, {}, test.output(sums, true), {},
                    GetParam());
        ASSERT_EQ(sums, test.sums) << describe(shape);
      }
    }
  }
}

/// Images of one pixel, which are computed as one of many.
TEST_P(XnorConv2d, LinearLayersAreExact) {
  for (const int64_t groups : {1, 3}) {
    XnorShape shape;
    shape.batch = 17;
    shape.groups = groups;
    shape.in_channels = groups * 70;
    shape.out_channels = groups * 19;
    shape.stride_width = 2;
    const Case test(shape);
    const XnorInput numbers = {XnorInput::Kind::float32, test.x.data(), test.layout};
    for (const XnorInput& input : {numbers, test.word_input()}) {
      for (const bool channels_last : {true, false}) {
        for (const int threads : {1, 4, 20}) {
          std::vector<int32_t> sums;
          xnor_conv2d(input, test.prepacked.data(), shape, {}, test.output(sums, channels_last),
                      on_threads(threads), GetParam());
          ASSERT_EQ(sums, test.sums) << groups << " groups, " << threads << " threads";
        }
      }
    }
  }
}

/// More words than a byte's counter takes at a time.
TEST_P(XnorConv2d, LongSumsAreExact) {
  XnorShape shape;
  shape.in_channels = 64 * 700 + 3;
  shape.out_channels = 17;
  shape.in_width = 5;
  Case test(shape);
  std::vector<int32_t> sums;
  xnor_conv2d(test.word_input(), test.prepacked.data(), shape, {}, test.output(sums, true), {}, GetParam());
  EXPECT_EQ(sums, test.sums);

  // Every bit differs.
  std::fill(test.words.begin(), test.words.end(), 0);
  std::fill(test.weight.begin(), test.weight.end(), -1.0f);
  std::fill(test.x.begin(), test.x.end(), 1.0f);
  const Case opposite = [&] {
    Case made(shape);
    made.x = test.x;
    std::vector<uint64_t> ones(made.layout.group_words() * shape.out_channels, ~uint64_t{0});
    for (int64_t o = 1; o <= shape.out_channels; ++o)
      ones[o * made.layout.group_words() - 1] = (uint64_t{1} << shape.in_channels % 64) - 1;
    xnor_prepack(ones.data(), shape, made.prepacked.data());
    std::fill(made.words.begin(), made.words.end(), 0);
    return made;
  }();
  xnor_conv2d(opposite.word_input(), opposite.prepacked.data(), shape, {}, test.output(sums, true), {},
              GetParam());
  for (const int32_t sum : sums) ASSERT_EQ(sum, -shape.in_channels);
}

/// Numbers of every type and order come to the same sums as their words.
TEST_P(XnorConv2d, NumbersAreTakenInEveryTypeAndOrder) {
  int64_t index = 0;
  for (const XnorShape& shape : shape_grid(1)) {
    if (++index % 5 != 0) continue;
    const Case test(shape);
    const int64_t pixels = shape.in_height * shape.in_width;
    std::vector<float> planes(test.x.size());
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < shape.in_channels; ++c)
        planes[c * pixels + p] = test.x[p * shape.in_channels + c];
    std::vector<BFloat16> narrow(test.x.size());
    std::vector<Float16> half(test.x.size());
    for (size_t i = 0; i < test.x.size(); ++i) {
      // Those that vanish in the narrow type have another sign there.
      narrow[i] = from_float<BFloat16>(test.x[i] < 0.0f ? -1.0f : 1.0f);
      half[i] = from_float<Float16>(test.x[i] < 0.0f ? -1.0f : 1.0f);
    }
    const SignLayout first = SignLayout::channels_first(1, pixels, shape.in_channels, shape.groups);
    const XnorInput inputs[] = {{XnorInput::Kind::float32, test.x.data(), test.layout},
                                {XnorInput::Kind::float32, planes.data(), first},
                                {XnorInput::Kind::bfloat16, narrow.data(), test.layout},
                                {XnorInput::Kind::float16, half.data(), test.layout}};
    for (const XnorInput& input : inputs) {
      std::vector<int32_t> sums;
      xnor_conv2d(input, test.prepacked.data(), shape, {}, test.output(sums, true), {}, GetParam());
      ASSERT_EQ(sums, test.sums) << describe(shape) << ", input " << (&input - inputs);
    }
  }
}

TEST_P(XnorConv2d, ThreadsDoNotMatter) {
  int64_t index = 0;
  for (const XnorShape& grid_shape : shape_grid(3)) {
    if (++index % 12 != 0) continue;
    XnorShape shape = grid_shape;
    shape.out_channels = shape.groups * (shape.group_out_channels() + 100);
    const Case test(shape);
    std::vector<uint64_t> expected_words(test.output_words());
    for (int threads = 1; threads <= 8; ++threads) {
      std::vector<int32_t> sums;
      std::vector<uint64_t> words(test.output_words(), ~uint64_t{0});
      XnorOutput<int32_t> output = test.output(sums, true);
      const std::vector<int32_t> zeros(shape.out_channels, 0);
      output.words = words.data();
      output.thresholds.threshold = zeros.data();
      xnor_conv2d(test.word_input(), test.prepacked.data(), shape, {}, output, on_threads(threads),
                  GetParam());
      ASSERT_EQ(sums, test.sums) << describe(shape) << ", " << threads << " threads";
      if (threads == 1) expected_words = words;
      ASSERT_EQ(words, expected_words) << describe(shape) << ", " << threads << " threads";
    }
  }
}

/// Parameters of an epilogue, and what its definition makes of a sum.
struct Epilogue {
  explicit Epilogue(int64_t outputs, uint32_t seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    for (int64_t o = 0; o < outputs; ++o) {
      scale.push_back(o % 7 == 3 ? -0.0f : o % 7 == 5 ? 1e-30f : 0.1f * normal(generator));
      bias.push_back(o % 7 == 4 ? -0.0f : normal(generator));
      slope.push_back(0.25f * normal(generator));
      shift.push_back(normal(generator));
      sign_threshold.push_back(normal(generator));
      threshold.push_back(static_cast<int32_t>(5.0f * normal(generator)));
      flipped.push_back(o % 3 == 1);
    }
  }
  std::vector<float> scale, bias, slope, shift, sign_threshold;
  std::vector<int32_t> threshold;
  std::vector<uint8_t> flipped;
};

template <typename T>
void check_epilogues(CpuTier tier) {
  XnorShape plain;
  plain.batch = 2;
  plain.in_channels = 70;
  plain.in_height = 4;
  plain.in_width = 11;
  plain.out_channels = 70;
  plain.kernel_height = plain.kernel_width = 3;
  plain.padding_height = plain.padding_width = 1;
  XnorShape grouped = plain;
  grouped.in_channels = 6;
  grouped.groups = 3;
  grouped.out_channels = 3 * 25;  // the third group's first panel is in two words
  XnorShape whole = plain;
  whole.out_channels = 64;
  XnorShape wide = plain;  // more than channels-first values are collected of
  wide.batch = 1;
  wide.in_height = 2;
  wide.in_width = 75;
  wide.out_channels = 21;
  for (const XnorShape& shape : {plain, grouped, whole, wide}) {
    const Case test(shape);
    const Epilogue parts(shape.out_channels, 9);
    std::vector<T> residual(test.outputs());
    const std::vector<float> numbers = sign_inputs(test.outputs(), 4);
    for (int64_t i = 0; i < test.outputs(); ++i)
      residual[i] = from_float<T>(std::isfinite(numbers[i]) ? numbers[i] : 0.5f);
    for (unsigned asked = 0; asked < 64; ++asked) {
      const auto is_asked = [asked](int bit) { return ((asked >> bit) & 1u) != 0; };
      XnorEpilogue epilogue;
      if (is_asked(0)) epilogue.scale = parts.scale.data();
      if (is_asked(1)) epilogue.bias = parts.bias.data();
      if (is_asked(2)) epilogue.shift = parts.shift.data();
      epilogue.activation = static_cast<XnorActivation>(asked % 3);
      epilogue.slope = epilogue.activation == XnorActivation::prelu ? parts.slope.data() : nullptr;
      const bool with_residual = is_asked(3);
      const bool from_sums = is_asked(4);
      const bool channels_last = is_asked(5);

      std::vector<T> expected(test.outputs());
      std::vector<uint64_t> expected_words(test.output_words(), 0);
      for (int64_t i = 0; i < test.outputs(); ++i) {
        const int64_t o = i % shape.out_channels;
        volatile float value = static_cast<float>(test.sums[i]) * (is_asked(0) ? parts.scale[o] : 1.0f);
        value = value + (is_asked(1) ? parts.bias[o] : 0.0f);
        if (with_residual) value = value + to_float(residual[i]);
        if (epilogue.activation == XnorActivation::relu && value < 0.0f) value = 0.0f;
        if (epilogue.activation == XnorActivation::prelu && value < 0.0f) value = value * parts.slope[o];
        value = value + (is_asked(2) ? parts.shift[o] : 0.0f);
        if (value == 0.0f) value = 0.0f;
        expected[i] = from_float<T>(value);
        if (to_float(expected[i]) == 0.0f) expected[i] = from_float<T>(0.0f);  // what vanishes is +0
        const bool negative = from_sums ? (test.sums[i] < parts.threshold[o]) != (parts.flipped[o] != 0)
                                        : to_float(expected[i]) < parts.sign_threshold[o];
        expected_words[i / shape.out_channels * ((shape.out_channels + 63) / 64) + o / 64] |=
            uint64_t{negative} << (o % 64);
      }

      std::vector<T> values;
      XnorOutput<T> output = test.output(values, channels_last);
      std::vector<uint64_t> words(test.output_words(), ~uint64_t{0});
      const std::vector<T> residual_first = test.channels_first(residual);
      if (with_residual) output.residual = channels_last ? residual.data() : residual_first.data();
      output.words = words.data();
      if (from_sums) {
        output.thresholds = {parts.threshold.data(), parts.flipped.data()};
      } else {
        output.sign_threshold = parts.sign_threshold.data();
      }
      const auto run = [&] {
        xnor_conv2d(test.word_input(), test.prepacked.data(), shape, epilogue, output, {}, tier);
      };
      run();
      const std::vector<T> wanted = channels_last ? expected : test.channels_first(expected);
      ASSERT_EQ(std::memcmp(values.data(), wanted.data(), wanted.size() * sizeof(T)), 0)
          << describe(shape) << ", asked " << asked;
      ASSERT_EQ(words, expected_words) << describe(shape) << ", asked " << asked;

      // Values alone, and words alone.
      std::fill(values.begin(), values.end(), T{});
      output.words = nullptr;
      run();
      ASSERT_EQ(std::memcmp(values.data(), wanted.data(), wanted.size() * sizeof(T)), 0)
          << describe(shape) << ", asked " << asked << ", values alone";
      std::fill(words.begin(), words.end(), ~uint64_t{0});
      output.words = words.data();
      output.values = nullptr;
      run();
      ASSERT_EQ(words, expected_words) << describe(shape) << ", asked " << asked << ", words alone";
    }
  }
}

/// Seen to fail on: -0 of what vanishes in a narrow type. Meant to catch: a fused multiplication and
/// addition, -0, signs of what was not yet rounded to the narrow type, a part applied in another order, a
/// residual in another order than the values, bits of another output.
TEST_P(XnorConv2d, EpiloguesInFloat32) {
  check_epilogues<float>(GetParam());
}
TEST_P(XnorConv2d, EpiloguesInFloat16) {
  check_epilogues<Float16>(GetParam());
}
TEST_P(XnorConv2d, EpiloguesInBFloat16) {
  check_epilogues<BFloat16>(GetParam());
}

TEST(XnorPrepacked, OthersAreToldApart) {
  XnorShape shape;
  shape.in_channels = 5;
  shape.out_channels = 3;
  shape.kernel_height = 2;
  const Case test(shape);
  const auto bytes = static_cast<int64_t>(test.prepacked.size());
  EXPECT_TRUE(is_xnor_prepacked(test.prepacked.data(), bytes, shape));
  EXPECT_FALSE(is_xnor_prepacked(test.prepacked.data(), bytes - 1, shape));
  XnorShape other = shape;
  std::swap(other.kernel_height, other.kernel_width);
  EXPECT_EQ(other.prepacked_bytes(), bytes);
  EXPECT_FALSE(is_xnor_prepacked(test.prepacked.data(), bytes, other));
  const std::vector<uint8_t> zeros(test.prepacked.size());
  EXPECT_FALSE(is_xnor_prepacked(zeros.data(), bytes, shape));
}

}  // namespace
}  // namespace kones::kernels
