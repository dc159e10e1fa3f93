#include "kones/numeric/binary.h"

#include <cmath>

#include "numeric/inputs.h"
#include "numeric/level_set.h"
#include "numeric/rounding_threshold.h"
#include <gtest/gtest.h>

namespace kones {
namespace {

std::vector<float> inputs() {
  std::vector<float> values = edge_values(LevelSet::binary());
  for (const HalfType& type : {float16_type, bfloat16_type}) {
    const std::vector<float> all = every_value(type);
    values.insert(values.end(), all.begin(), all.end());
  }
  return values;
}

// Nearest and truncate are the sign of x, with sign(+-0) = +1. Seen to fail on: x <= 0, the sign bit.
TEST(Binary, Nearest) {
  const LevelSet levels = LevelSet::binary();
  for (const float x : inputs()) {
    const float y = binarize_nearest(x);
    if (std::isnan(x)) {
      ASSERT_TRUE(std::isnan(y));
    } else {
      ASSERT_EQ(y, levels.nearest(x)) << x;
      ASSERT_EQ(y, levels.truncate(x)) << x;
    }
  }
  EXPECT_EQ(binarize_nearest(-0.0f), 1.0f);
}

// p = clip((x + 1) / 2, 0, 1) is the general rule between -1 and +1; the uniform numbers are those on both
// sides of where the choice changes. Seen to fail on: u <= p, p of -x, x + 1 not halved.
TEST(Binary, Stochastic) {
  const LevelSet levels = LevelSet::binary();
  for (const float x : inputs()) {
    if (std::isnan(x)) {
      ASSERT_TRUE(std::isnan(binarize_stochastic(x, 0.0f)));
      ASSERT_TRUE(std::isnan(binarize_stochastic(x, 1.0f - 0x1p-24f)));
      continue;
    }
    for (const float uniform : uniforms_around(levels.probability(x))) {
      ASSERT_EQ(binarize_stochastic(x, uniform), levels.stochastic(x, uniform)) << x << ", u = " << uniform;
    }
  }
}

TEST(Binary, StochasticByHand) {
  EXPECT_EQ(binarize_stochastic(0.5f, 0.75f - 0x1p-24f), 1.0f);
  EXPECT_EQ(binarize_stochastic(0.5f, 0.75f), -1.0f);
  EXPECT_EQ(binarize_stochastic(-0.5f, 0.25f - 0x1p-24f), 1.0f);
  EXPECT_EQ(binarize_stochastic(-0.5f, 0.25f), -1.0f);
  EXPECT_EQ(binarize_stochastic(-1.0f, 0.0f), -1.0f);
  EXPECT_EQ(binarize_stochastic(1.0f, 1.0f - 0x1p-24f), 1.0f);
  EXPECT_EQ(binarize_stochastic(INFINITY, 1.0f - 0x1p-24f), 1.0f);
  EXPECT_EQ(binarize_stochastic(-INFINITY, 0.0f), -1.0f);
}

// Seen to fail on: a set bit that is positive.
TEST(Binary, Codes) {
  EXPECT_EQ(binary_encode(-1), 1u);
  EXPECT_EQ(binary_encode(1), 0u);
  EXPECT_EQ(binary_decode(1), -1);
  EXPECT_EQ(binary_decode(0), 1);
}

}  // namespace
}  // namespace kones
