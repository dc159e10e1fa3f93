// Scales of tensors and channels, against hand-made numbers.
#include "kones/torch/quantizers/scale.h"

#include "torch/quantizers/values.h"

namespace kones::quantizers {
namespace {

// Seen to fail on: the largest x for the largest |x|; a sum over all where there is one dimension; the other
// dimensions' sums.
TEST(Scale, OfATensorAndOfChannels) {
  const at::Tensor x = tensor({1, -2, 3, -4, 0.5f, -6}).view({2, 3});
  EXPECT_EQ(mean_abs(x).sizes(), at::IntArrayRef{});
  expect_equal(mean_abs(x), {2.75});
  expect_equal(max_abs(x), {6});
  expect_equal(mean_abs(x, 0), {2, 3.5});
  expect_equal(max_abs(x, 0), {3, 6});
  expect_equal(mean_abs(x, 1), {2.5, 1.25, 4.5});
  expect_equal(max_abs(x, -1), {4, 2, 6});
  // One dimension alone: each element is a channel.
  expect_equal(mean_abs(x.select(0, 1), 0), {4, 0.5, 6});
  expect_equal(max_abs(x.select(0, 1), 0), {4, 0.5, 6});
  EXPECT_EQ(mean_abs(x.to(at::kHalf)).scalar_type(), at::kFloat);
}

// Seen to fail on: a sum in float32.
TEST(Scale, SumsInFloat64) {
  at::Tensor x = at::ones({1 << 20});
  x.select(0, 0).fill_(0x1p30);
  expect_equal(group_sum(x), {0x1p30 + (1 << 20) - 1});
  EXPECT_EQ(group_sum(x).scalar_type(), at::kDouble);
}

TEST(Scale, OfNothingIsZeroAndOfNanIsNan) {
  expect_equal(mean_abs(at::empty({0})), {0});
  expect_equal(max_abs(at::empty({0})), {0});
  expect_equal(mean_abs(at::empty({2, 0}), 0), {0, 0});
  expect_equal(max_abs(at::empty({2, 0}), 0), {0, 0});
  EXPECT_EQ(max_abs(at::empty({0, 2}), 0).numel(), 0);
  const at::Tensor x = tensor({1, nan_value, 3, -infinity}).view({2, 2});
  expect_equal(mean_abs(x, 0), {nan_value, infinity});
  expect_equal(max_abs(x, 0), {nan_value, infinity});
  EXPECT_FALSE(max_abs(trained(x)).requires_grad());
}

TEST(Scale, RefusesWhatItCannotTake) {
  const at::Tensor x = at::ones({2, 3});
  expect_refused([&] { mean_abs(x.to(at::kDouble)); }, {"mean_abs: x is Double", "float16"});
  expect_refused([&] { max_abs(x.to(at::kInt)); }, {"max_abs: x is Int"});
  expect_refused([&] { max_abs(x, 2); }, {"dimension is 2", "-2 to 1"});
  expect_refused([&] { spread("lsq", "step", at::ones({2}), x, 1); }, {"lsq: step", "[2]", "take [3]"});
  expect_refused([&] { spread("lsq", "step", at::ones({2}), x, {}); }, {"lsq: step", "one element"});
}

}  // namespace
}  // namespace kones::quantizers
