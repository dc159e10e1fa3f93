// Learning rates against values worked out by hand.
#include "kones/torch/train/schedule.h"

#include <cmath>

#include <gtest/gtest.h>

namespace kones {
namespace {

Recipe recipe_of(const char* schedule, const char* interval, int64_t epochs, double first, double final,
                 double warmup) {
  Recipe recipe;
  recipe.schedule = schedule;
  recipe.schedule_interval = interval;
  recipe.epochs = epochs;
  recipe.learning_rate = first;
  recipe.final_learning_rate = final;
  recipe.warmup = warmup;
  return recipe;
}

// 40 steps, of which 4 warm up and 36 descend. Seen to fail on: the warm-up left out of the descent (at /
// total); step in place of step + 1 in the warm-up.
TEST(Schedule, CosineDescendsAfterTheWarmUp) {
  const Recipe recipe = recipe_of("cosine", "step", 4, 2.0, 0.0, 0.1);
  const auto rate = [&recipe](int64_t step) { return learning_rate_at(recipe, step, 10); };
  EXPECT_DOUBLE_EQ(rate(0), 2.0 * 1 / 5);
  EXPECT_DOUBLE_EQ(rate(1), 2.0 * 2 / 5);
  EXPECT_DOUBLE_EQ(rate(3), 2.0 * 4 / 5);
  EXPECT_DOUBLE_EQ(rate(4), 2.0);
  EXPECT_DOUBLE_EQ(rate(13), 1.0 + std::sqrt(0.5));         // a quarter of the way: 1 + cos 45 degrees
  EXPECT_DOUBLE_EQ(rate(16), 1.5);                          // a third: 1 + cos 60 degrees
  EXPECT_DOUBLE_EQ(rate(22), 1.0);                          // half
  EXPECT_NEAR(rate(39), 1.0 - 0.99619469809174555, 1e-12);  // 35 of 36: 1 + cos 175 degrees
}

TEST(Schedule, CosineEndsAtTheFinalRate) {
  const Recipe recipe = recipe_of("cosine", "step", 2, 1.0, 0.2, 0.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 0, 4), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 2, 4), 0.2 + 0.8 * 0.5 * (1.0 + std::sqrt(0.5)));
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 4, 4), 0.6);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 8, 4), 0.2);
}

// Seen to fail on: a warm-up rounded down to whole steps.
TEST(Schedule, WarmUpMayEndBetweenSteps) {
  const Recipe recipe = recipe_of("cosine", "step", 1, 7.0, 0.0, 0.25);  // 2.5 of 10 steps
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 0, 10), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 2, 10), 6.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 5, 10), 7.0 * 0.5 * (1.0 + 0.5));  // 2.5 of 7.5: 60 degrees
}

TEST(Schedule, WarmUpMayTakeTheWholeRun) {
  const Recipe recipe = recipe_of("cosine", "step", 2, 9.0, 0.0, 1.0);
  for (int64_t step = 0; step < 8; ++step) {
    EXPECT_DOUBLE_EQ(learning_rate_at(recipe, step, 4), static_cast<double>(step + 1)) << step;
  }
}

// BinaryNet's mnist.py: LR_start 3e-3, LR_fin 3e-7, 1000 epochs, LR *= (LR_fin / LR_start)^(1 / epochs) after
// each. Seen to fail on: the exponent (epoch / (epochs - 1)); the interval "epoch" treated as "step".
TEST(Schedule, ExponentialFollowsBinaryNetsCode) {
  const Recipe recipe = recipe_of("exponential", "epoch", 1000, 3e-3, 3e-7, 0.0);
  const double decay = std::pow(3e-7 / 3e-3, 1.0 / 1000);
  EXPECT_NEAR(decay, 0.99083194489276748, 1e-15);
  double rate = 3e-3;
  for (int64_t epoch = 0; epoch < 1000; ++epoch) {
    for (const int64_t step : {int64_t{0}, int64_t{1}, int64_t{499}}) {
      ASSERT_NEAR(learning_rate_at(recipe, epoch * 500 + step, 500) / rate, 1.0, 1e-11)
          << epoch << ", " << step;
    }
    rate *= decay;
  }
  EXPECT_NEAR(rate, 3e-7, 1e-17);
}

TEST(Schedule, ExponentialMayChangeEveryStep) {
  const Recipe recipe = recipe_of("exponential", "step", 4, 1.0, 1e-4, 0.0);
  EXPECT_NEAR(learning_rate_at(recipe, 10, 10), 1e-1, 1e-15);
  EXPECT_NEAR(learning_rate_at(recipe, 15, 10), std::sqrt(1e-3), 1e-15);
  EXPECT_NEAR(learning_rate_at(recipe, 30, 10), 1e-3, 1e-15);
}

TEST(Schedule, CosineMayChangeBetweenEpochsOnly) {
  const Recipe recipe = recipe_of("cosine", "epoch", 4, 1.0, 0.0, 0.0);
  for (int64_t step = 0; step < 40; ++step) {
    const double angle = std::acos(-1.0) * static_cast<double>(step / 10) / 4.0;
    EXPECT_DOUBLE_EQ(learning_rate_at(recipe, step, 10), 0.5 * (1.0 + std::cos(angle))) << step;
  }
}

TEST(Schedule, ConstantStays) {
  const Recipe recipe = recipe_of("constant", "step", 3, 0.5, 0.25, 0.0);
  for (int64_t step = 0; step < 30; ++step) EXPECT_EQ(learning_rate_at(recipe, step, 10), 0.5) << step;
}

}  // namespace
}  // namespace kones
