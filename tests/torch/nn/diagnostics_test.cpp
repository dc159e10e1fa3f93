// The diagnostics of quantized training, against tensors whose counts are seen by eye.
#include "kones/torch/nn/diagnostics.h"

#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace kones::nn {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

// Seen to fail on: values between levels counted as the next level.
TEST(Diagnostics, LevelHistogramCountsEachLevelAndWhatIsNone) {
  const at::Tensor x = at::tensor({1.0f, -0.5f, 0.25f, 0.25f, -1.0f, 0.3f, nan, 2.0f, -infinity, 0.0f});
  const LevelHistogram histogram = level_histogram(x, NumberFormat::k_ones(1, 2));
  EXPECT_EQ(histogram.levels, (std::vector<double>{-1, -0.5, -0.25, 0.25, 0.5, 1}));
  EXPECT_EQ(histogram.counts, (std::vector<int64_t>{1, 1, 0, 2, 0, 1}));
  EXPECT_EQ(histogram.others, 5);
  EXPECT_EQ(histogram.unused_levels(), 2);
  const LevelHistogram zero = level_histogram(at::tensor({-0.0f, 0.0f, 1.0f}), NumberFormat::ternary());
  EXPECT_EQ(zero.counts, (std::vector<int64_t>{0, 2, 1}));
  EXPECT_EQ(level_histogram(at::empty({0, 3}), NumberFormat::binary()).unused_levels(), 2);
}

// Seen to fail on: levels in grid units.
TEST(Diagnostics, LevelsAreInRealUnits) {
  const at::Tensor x = at::tensor({-8.0f, 6.0f, 6.0f, 0.0f, 1.0f});
  for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const LevelHistogram histogram = level_histogram(x.to(type), NumberFormat::fixed_point(4, -1));
    EXPECT_EQ(histogram.levels, (std::vector<double>{-8, -6, -4, -2, 0, 2, 4, 6}));
    EXPECT_EQ(histogram.counts, (std::vector<int64_t>{1, 0, 0, 0, 1, 0, 0, 2}));
    EXPECT_EQ(histogram.others, 1);
  }
}

// More elements than are looked at together, and not in the order of memory. Seen to fail on: the signs of
// every part written to the first one's place.
TEST(Diagnostics, LargeTensorsAndStrides) {
  const at::Tensor x = at::ones({3, 200001}).t();
  x.select(1, 1).fill_(-1);
  x[200000][2] = 0.5;
  const LevelHistogram histogram = level_histogram(x, NumberFormat::binary());
  EXPECT_EQ(histogram.counts, (std::vector<int64_t>{200001, 400001}));
  EXPECT_EQ(histogram.others, 1);
  EXPECT_EQ(clipped_gradient_share(x, 0.5, 1), 200001.0 / 600003);
  EXPECT_EQ(sign_flip_rate(x, x.contiguous()), 0);
  EXPECT_EQ(sign_flip_rate(x, at::ones({200001, 3})), 200001.0 / 600003);
  const at::Tensor signs = quantized_signs(x, {NumberFormat::k_ones(1)});
  EXPECT_EQ(signs.scalar_type(), at::kChar);
  EXPECT_TRUE(at::equal(signs.to(at::kFloat), at::sign(x)));
}

// Seen to fail on: zero taken as positive.
TEST(Diagnostics, ZeroIsASignOfItsOwn) {
  const at::Tensor before = at::tensor({1.0f, 1.0f, 1.0f, 0.0f, 0.0f, 0.0f, -1.0f, 0.5f});
  const at::Tensor after = at::tensor({1.0f, 0.0f, -1.0f, 0.0f, -0.0f, -1.0f, 0.0f, 0.25f});
  EXPECT_EQ(sign_flip_rate(before, after), 4.0 / 8);
  EXPECT_EQ(sign_flip_rate(before, before), 0);
  EXPECT_EQ(sign_flip_rate(at::empty({0}), at::empty({0})), 0);
}

// The quantized weights' signs, not the latent ones': a fixed point step is 1/2 here. Seen to fail on: the
// latent ones'.
TEST(Diagnostics, QuantizedSignsAreThoseOfTheNearestLevels) {
  const at::Tensor latent = at::tensor({-0.3f, -0.25f, 0.2f, 0.25f, 0.0f, 5.0f}).view({2, 3});
  const at::Tensor expected = at::tensor({-1, 0, 0, 1, 0, 1}).to(at::kChar).view({2, 3});
  EXPECT_TRUE(at::equal(quantized_signs(latent, {NumberFormat::fixed_point(1, 1)}), expected));
  const at::Tensor binary = at::tensor({-1, -1, 1, 1, 1, 1}).to(at::kChar).view({2, 3});
  EXPECT_TRUE(at::equal(quantized_signs(latent, {NumberFormat::binary()}), binary));
}

// Seen to fail on: the upper end taken as outside.
TEST(Diagnostics, ClippedSharesLeaveTheEndsIn) {
  const float above = std::nextafter(1.0f, 2.0f);
  const at::Tensor x = at::tensor({-1.0f, 1.0f, above, -above, 0.0f, nan, infinity, 1.5f});
  EXPECT_EQ(clipped_gradient_share(x, -1, 1), 5.0 / 8);
  EXPECT_EQ(clipped_weight_share(x, NumberFormat::binary()), 5.0 / 8);
  EXPECT_EQ(clipped_weight_share(x, NumberFormat::k_ones(2)), 2.0 / 8);          // [-2, 2]
  EXPECT_EQ(clipped_weight_share(x, NumberFormat::fixed_point(1, 1)), 6.0 / 8);  // [-1, 1/2]
  EXPECT_EQ(clipped_gradient_share(at::empty({0}), -1, 1), 0);
}

TEST(Diagnostics, GraphsAreLeftAlone) {
  const at::Tensor x = at::full({4}, 2.0f).requires_grad_();
  level_histogram(x, NumberFormat::binary());
  quantized_signs(x, {NumberFormat::binary()});
  clipped_weight_share(x, NumberFormat::binary());
  x.sum().backward();
  EXPECT_TRUE(at::equal(x.grad(), at::ones({4})));
  EXPECT_FALSE(quantized_signs(x, {NumberFormat::binary()}).requires_grad());
}

TEST(Diagnostics, BadArgumentsAreRefused) {
  const at::Tensor x = at::ones({3});
  EXPECT_THROW(level_histogram(x.to(at::kLong), NumberFormat::binary()), c10::TypeError);
  EXPECT_THROW(level_histogram(at::Tensor(), NumberFormat::binary()), c10::ValueError);
  EXPECT_THROW(level_histogram(x, NumberFormat::power_of_two(-40, 0)), c10::ValueError);
  EXPECT_THROW(level_histogram(x, NumberFormat::k_ones(9)), c10::ValueError);
  EXPECT_THROW(clipped_weight_share(x, NumberFormat::power_of_two(-40, 0)), c10::ValueError);
  EXPECT_THROW(sign_flip_rate(x, at::ones({4})), c10::ValueError);
  EXPECT_THROW(sign_flip_rate(x, at::Tensor()), c10::ValueError);
  EXPECT_THROW(sign_flip_rate(x.to(at::kBool), x), c10::TypeError);
  EXPECT_THROW(clipped_gradient_share(x, 1, -1), c10::ValueError);
  EXPECT_THROW(clipped_gradient_share(x.to(at::kInt), -1, 1), c10::TypeError);
}

}  // namespace
}  // namespace kones::nn
