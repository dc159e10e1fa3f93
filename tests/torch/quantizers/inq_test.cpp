// INQ: the exponents against the formula in long double and at its jumps; the levels against the paper's
// rule, level by level.
#include "kones/torch/quantizers/inq.h"

#include "torch/quantizers/values.h"

namespace kones::quantizers {
namespace {

// methods.md 4.3's vectors. Seen to fail on: n1 of floor(log2 s); > for >= at 3/4.
TEST(Inq, ExponentsByHand) {
  const auto expect_levels = [](double s, int64_t bits, int64_t n2, int64_t n1) {
    const InqLevels levels = inq_levels(s, bits);
    EXPECT_EQ(levels.min_exponent, n2) << s << ", " << bits;
    EXPECT_EQ(levels.max_exponent, n1) << s << ", " << bits;
  };
  expect_levels(0.9, 5, -7, 0);
  expect_levels(0.5, 5, -8, -1);
  expect_levels(0.7, 4, -4, -1);
  expect_levels(0.2, 3, -3, -2);
  expect_levels(0.2, 2, -2, -2);
  // 4 s / 3 is 1 at 3/4, and 2 at 3/2.
  expect_levels(0.75, 2, 0, 0);
  expect_levels(std::nextafter(0.75, 0.0), 2, -1, -1);
  expect_levels(1.5, 2, 1, 1);
  expect_levels(std::nextafter(1.5, 0.0), 2, 0, 0);
  expect_levels(0x1.8p-120, 3, -120, -119);
}

TEST(Inq, ExponentsAreTheFormula) {
  at::manual_seed(1);
  for (const double s : values(at::randn({300}).exp())) {
    for (int64_t bits = 2; bits <= 8; ++bits) {
      const InqLevels levels = inq_levels(s, bits);
      const auto n1 = static_cast<int64_t>(std::floor(std::log2(4.0L * static_cast<long double>(s) / 3.0L)));
      EXPECT_EQ(levels.max_exponent, n1);
      EXPECT_EQ(levels.max_exponent - levels.min_exponent + 1, int64_t{1} << (bits - 2));
    }
  }
}

// The paper's rule. Seen to fail on: no zero; rounding in the log domain.
TEST(Inq, LevelsAreThePapersRule) {
  for (int64_t bits = 2; bits <= 6; ++bits) {
    const InqLevels levels = inq_levels(0.9, bits);
    std::vector<float> weights;
    for (int i = -1000; i <= 1000; ++i) weights.push_back(static_cast<float>(i) * 0.0009f);
    // The rule's own ends, and the numbers beside them.
    for (int64_t e = levels.min_exponent; e <= levels.max_exponent; ++e) {
      for (const float factor : {0.5f, 0.75f, 1.0f}) {
        const float end = std::ldexp(factor, static_cast<int>(e));
        for (const float w : {end, std::nextafter(end, 0.0f), std::nextafter(end, 2.0f)}) {
          if (w > 1.0f) continue;
          weights.push_back(w);
          weights.push_back(-w);
        }
      }
    }
    std::vector<double> expected;
    for (const float w : weights) {
      const double magnitude = std::fabs(static_cast<double>(w));
      double level = 0;
      for (int64_t e = levels.min_exponent; e <= levels.max_exponent; ++e) {
        const double beta = std::ldexp(1.0, static_cast<int>(e));
        const double alpha = e == levels.min_exponent ? 0.0 : beta / 2;
        if ((alpha + beta) / 2 <= magnitude && magnitude < 1.5 * beta) level = w < 0 ? -beta : beta;
      }
      expected.push_back(level);
    }
    const at::Tensor latent = trained(tensor(weights));
    const at::Tensor y = inq(latent, levels);
    expect_equal(y, expected);
    const at::Tensor g = at::randn(latent.sizes());
    EXPECT_TRUE(at::equal(gradients(y, {latent}, g)[0], g));
  }
}

// Seen to fail on: the largest w for the largest |w|.
TEST(Inq, FromTheWeights) {
  const at::Tensor w = tensor({0.9f, -0.27f, 0.047f, -0.003f, 5});
  const InqLevels levels = inq_levels(w.slice(0, 0, 4), 5);
  // The last has left the range since.
  expect_equal(inq(w, levels), {1, -0.25, 0.0625, 0, 1});
  EXPECT_EQ(inq_levels(tensor({0.1f, -0.9f}), 5).max_exponent, 0);
  expect_equal(inq(tensor({nan_value, infinity}), levels), {nan_value, 1});
  EXPECT_EQ(inq(at::empty({0, 2}), levels).sizes(), (at::IntArrayRef{0, 2}));
}

TEST(Inq, RefusesWhatItCannotTake) {
  expect_refused([] { inq_levels(0.9, 1); }, {"inq_levels: bits is 1", "2 to 8"});
  expect_refused([] { inq_levels(0.9, 9); }, {"inq_levels: bits is 9"});
  for (const double s : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    expect_refused([&] { inq_levels(s, 4); }, {"inq_levels: max_abs is", "positive finite"});
  }
  expect_refused([] { inq_levels(0x1p-120, 8); }, {"max_abs is 7.5", "-126 to 126"});
  expect_refused([] { inq_levels(0x1p127, 4); }, {"-126 to 126"});
  expect_refused([] { inq_levels(at::zeros({3}), 4); }, {"max_abs is 0"});
  expect_refused([] { inq_levels(at::empty({0}), 4); }, {"max_abs is 0"});
  expect_refused([] { inq_levels(tensor({1, nan_value}), 4); }, {"max_abs is nan"});
  expect_refused([] { inq_levels(at::ones({3}).to(at::kDouble), 4); }, {"inq_levels: w is Double"});
  expect_refused([] { inq(at::ones({3}).to(at::kDouble), {-2, 0}); }, {"power_of_two: x is Double"});
}

}  // namespace
}  // namespace kones::quantizers
