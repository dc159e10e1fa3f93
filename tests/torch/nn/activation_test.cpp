// Fixed-point activations with trained radix points.
#include "kones/torch/nn/activation.h"

#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

namespace kones::nn {
namespace {

at::Tensor threshold_of(double log2) {
  return at::full({}, log2).set_requires_grad(true);
}

// 4 bits and a threshold of up to 2: steps of 1/8, the largest 15/8. Ties go up. Meant to catch: halves to
// even; the largest 2; the threshold rounded down.
TEST(TrainedFixedPoint, RoundsAndSaturates) {
  const at::Tensor x = at::tensor({-1.0f, -0.0f, 0.0624f, 0.0625f, 0.1875f, 1.0f, 1.9f, 1.95f, 100.0f});
  const at::Tensor expected = at::tensor({0.0f, 0.0f, 0.0f, 0.125f, 0.25f, 1.0f, 1.875f, 1.875f, 1.875f});
  for (const double log2 : {1.0, 0.1, 0.9999}) {
    EXPECT_TRUE(at::equal(trained_fixed_point(x, threshold_of(log2), 4), expected)) << log2;
  }
  EXPECT_TRUE(at::equal(trained_fixed_point(x * 2, threshold_of(1.001), 4), expected * 2));
  EXPECT_TRUE(at::equal(trained_fixed_point(x / 4, threshold_of(-1.0), 4), expected / 4));
  // x + 1/2 would be 1 in float32.
  const float below_half = std::nextafter(0.5f, 0.0f);
  EXPECT_EQ(trained_fixed_point(at::full({1}, below_half), threshold_of(8.0), 8).item<float>(), 0.0f);
}

// The formulas of Jain et al., section 3.2, worked out by hand for steps of 1/8 and 15 of them. Seen to fail
// on: the gradient of what saturates left out.
TEST(TrainedFixedPoint, GradientsAreThePapers) {
  at::Tensor x = at::tensor({-0.5f, -0.05f, 0.3f, 0.45f, 1.9f, 1.99f, 5.0f}).set_requires_grad(true);
  at::Tensor log2 = threshold_of(0.5);
  const at::Tensor g = at::tensor({1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f});
  trained_fixed_point(x, log2, 4).backward(g);
  // In steps: -4, -0.4, 2.4, 3.6, 15.2, 15.92, 40; rounded -4, 0, 2, 4, 15, 16, 40.
  EXPECT_TRUE(at::equal(x.grad(), at::tensor({0.0f, 2.0f, 3.0f, 4.0f, 5.0f, 0.0f, 0.0f})));
  const double expected =
      0.125 * std::log(2.0) * (2 * 0.4 + 3 * (2 - 2.4) + 4 * (4 - 3.6) + 5 * (15 - 15.2) + 6 * 15 + 7 * 15);
  EXPECT_NEAR(log2.grad().item<double>(), expected, 1e-4 * expected);
  EXPECT_EQ(log2.grad().sizes(), log2.sizes());
}

TEST(TrainedFixedPoint, FractionBitsAreTheStep) {
  Activation activation(ActivationKind::relu, 6);
  EXPECT_EQ(activation->bits(), 6);
  EXPECT_EQ(activation->parameters().size(), 1u);
  EXPECT_EQ(activation->fraction_bits(), 4) << "up to 4 at first";
  c10::NoGradGuard no_gradient;
  for (const auto& [log2, fraction_bits] : {std::pair{0.0, 6}, {0.01, 5}, {1.0, 5}, {-2.5, 8}, {5.0, 1}}) {
    activation->log2_threshold.fill_(log2);
    EXPECT_EQ(activation->fraction_bits(), fraction_bits) << log2;
    const at::Tensor one_step = at::full({1}, std::ldexp(1.0f, -fraction_bits));
    EXPECT_TRUE(at::equal(activation->forward(one_step), one_step)) << log2;
    EXPECT_EQ(activation->forward(one_step * 0.49).item<float>(), 0.0f) << log2;
  }
  EXPECT_EQ(Activation(ActivationKind::relu)->parameters().size(), 0u);
}

TEST(TrainedFixedPoint, BadArgumentsAreRefused) {
  const at::Tensor x = at::ones({3});
  EXPECT_THROW(trained_fixed_point(x.to(at::kDouble), threshold_of(0), 8), c10::TypeError);
  EXPECT_THROW(trained_fixed_point(x, at::zeros({2}), 8), c10::ValueError);
  EXPECT_THROW(trained_fixed_point(x, threshold_of(0), 0), c10::ValueError);
  EXPECT_THROW(trained_fixed_point(x, threshold_of(0), 25), c10::ValueError);
}

}  // namespace
}  // namespace kones::nn
