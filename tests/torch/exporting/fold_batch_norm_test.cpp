// Folding of batch norm, against batch norm in float64 and exact integer arithmetic.
#include "kones/torch/exporting/fold_batch_norm.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "data/error_text.h"
#include <gtest/gtest.h>

namespace kones {
namespace {

using Wide = __int128;

Wide floor_shift(Wide value, int shift) {
  return value >> shift;
}  // arithmetic

/// What an engine computes for one channel of Threshold.
int sign_of(const package::Threshold& operation, size_t channel, int64_t accumulator) {
  const int64_t threshold = operation.threshold[channel];
  return (operation.rising[channel] != 0 ? accumulator >= threshold : accumulator <= threshold) ? 1 : -1;
}

TEST(FoldNorm, IsBatchNorm) {
  const AffineMap map = fold_norm({-3.0, 0.5, 12.0, 3.75, 0.25}, 0.125);
  EXPECT_EQ(map.slope, -1.5 * 0.125);
  EXPECT_EQ(map.intercept, 0.5 + 12.0 * 1.5);
  const AffineMap constant = fold_norm({0.0, -0.25, 12.0, 0.0, 1e-4}, 1.0 / 255);
  EXPECT_EQ(constant.slope, 0.0);
  EXPECT_EQ(constant.intercept, -0.25);
}

// All accumulators of -700..700, with parameters for which float64 batch norm is exact, so that y = 0 exactly
// on many of them. Seen to fail on: floor and ceil exchanged; > in place of >= (both signs of gamma); gamma 0
// treated as positive; the direction of a negative gamma forgotten.
TEST(AppendThreshold, EqualsBatchNormOnEveryAccumulator) {
  int ties = 0;
  for (const double gamma : {2.0, -2.0, 0.5, -0.5, 3.0, -7.0, 0.0, -0.0}) {
    for (const double beta : {-1000.0, -4.5, -0.25, 0.0, -0.0, 0.25, 3.0, 1000.0}) {
      for (const double mean : {-37.5, -0.125, 0.0, 12.0, 100.25}) {
        for (const double unit : {1.0, 0.5, 1.0 / 128}) {
          package::Threshold operation;
          append_threshold(fold_norm({gamma, beta, mean, 3.75, 0.25}, unit), 32, "here", operation);
          for (int accumulator = -700; accumulator <= 700; ++accumulator) {
            const double y = gamma * (unit * accumulator - mean) / 2.0 + beta;
            ties += y == 0.0 && gamma != 0.0;
            ASSERT_EQ(sign_of(operation, 0, accumulator), y >= 0.0 ? 1 : -1)
                << "gamma " << gamma << ", beta " << beta << ", mean " << mean << ", unit " << unit << ", "
                << accumulator;
          }
        }
      }
    }
  }
  EXPECT_GT(ties, 100);
}

// Parameters as training leaves them. Where y is 0 but for rounding there is no right answer; there are few
// such.
TEST(AppendThreshold, EqualsBatchNormForRandomParameters) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  int undecided = 0;
  int decided = 0;
  for (int channel = 0; channel < 500; ++channel) {
    const ChannelNorm norm = {normal(random), normal(random), 3 * normal(random), std::fabs(normal(random)),
                              1e-4};
    const double unit = std::ldexp(1.0 / 255, -7);
    package::Threshold operation;
    append_threshold(fold_norm(norm, unit), 32, "here", operation);
    const auto check = [&](int64_t accumulator) {
      const long double scale =
          norm.gamma / std::sqrt(static_cast<long double>(norm.variance) + norm.epsilon);
      const long double x = static_cast<long double>(accumulator) / (255.0L * 128.0L);
      const long double y = scale * (x - norm.mean) + norm.beta;
      const long double size =
          std::fabs(scale) * (std::fabs(x) + std::fabs(norm.mean)) + std::fabs(norm.beta);
      if (std::fabs(y) < 1e-14L * size) {
        ++undecided;
        return;
      }
      ++decided;
      ASSERT_EQ(sign_of(operation, 0, accumulator), y >= 0 ? 1 : -1) << channel << ", " << accumulator;
    };
    for (int64_t accumulator = -200000; accumulator <= 200000; accumulator += 97) check(accumulator);
    for (int64_t near = -3; near <= 3; ++near) check(operation.threshold[0] + near);
  }
  EXPECT_LT(undecided, 5);
  EXPECT_GT(decided, 2000000);
}

// Crossings beyond all accumulators. Seen to fail on: "never" as rising at 2^31 - 1, which the largest
// accumulator reaches.
TEST(AppendThreshold, AlwaysAndNeverHoldForEveryAccumulator) {
  constexpr int64_t largest = std::numeric_limits<int32_t>::max();
  struct Case {
    AffineMap map;
    int low;
    int high;
  };
  const std::vector<Case> cases = {
      {{0.0, 0.0}, 1, 1},
      {{0.0, -1e-300}, -1, -1},
      {{-0.0, 1.0}, 1, 1},
      {{1.0, 1e12}, 1, 1},
      {{1.0, -1e12}, -1, -1},
      {{-1.0, 1e12}, 1, 1},
      {{-1.0, -1e12}, -1, -1},
      {{1e-308, 1e300}, 1, 1},
      {{1e-308, -1e300}, -1, -1},
      {{1.0, -2147483647.0}, -1, 1},
      {{-1.0, -2147483647.0}, 1, -1},
      {{1.0, -2147483647.5}, -1, -1},
      {{-1.0, -2147483647.5}, -1, -1},
      {{1.0, 2147483647.0}, 1, 1},
      {{1e-320, 0.0}, -1, 1},
  };
  for (const Case& extreme : cases) {
    package::Threshold operation;
    append_threshold(extreme.map, 32, "here", operation);
    EXPECT_EQ(sign_of(operation, 0, -largest), extreme.low)
        << extreme.map.slope << ", " << extreme.map.intercept;
    EXPECT_EQ(sign_of(operation, 0, largest), extreme.high)
        << extreme.map.slope << ", " << extreme.map.intercept;
  }
}

// Accumulators of 64 bits, which stay below 2^53. Seen to fail on: thresholds clamped to 32 bits.
TEST(AppendThreshold, WideAccumulatorsHaveWideThresholds) {
  constexpr int64_t largest = (int64_t{1} << 53) - 1;
  struct Case {
    AffineMap map;
    int low;
    int high;
  };
  const std::vector<Case> cases = {
      {{0.0, 0.0}, 1, 1},     {{0.0, -1.0}, -1, -1}, {{1.0, 1e17}, 1, 1},
      {{1.0, -1e17}, -1, -1}, {{-1.0, 1e17}, 1, 1},  {{-1.0, -1e17}, -1, -1},
      {{1.0, -1e15}, -1, 1},  {{-1.0, 1e15}, 1, -1}, {{1.0, -9007199254740991.0}, -1, 1},
  };
  for (const Case& extreme : cases) {
    package::Threshold operation;
    append_threshold(extreme.map, 64, "here", operation);
    EXPECT_EQ(sign_of(operation, 0, -largest), extreme.low)
        << extreme.map.slope << ", " << extreme.map.intercept;
    EXPECT_EQ(sign_of(operation, 0, largest), extreme.high)
        << extreme.map.slope << ", " << extreme.map.intercept;
  }
  package::Threshold operation;
  append_threshold({0.5, -3e12 + 0.25}, 64, "here", operation);
  EXPECT_EQ(operation.threshold[0], 6000000000000);
}

int64_t requantize(const package::Requantize& operation, size_t channel, int64_t accumulator) {
  const Wide sum = static_cast<Wide>(accumulator) * operation.multiplier[channel] + operation.addend[channel];
  return static_cast<int64_t>(floor_shift(sum, operation.shift[channel]));
}

// The examples of docs/package-format.md, "Folding batch norm".
TEST(AppendRequantize, WorkedByHand) {
  package::Requantize operation;
  for (const AffineMap& map : std::vector<AffineMap>{{0.75, 0.0},
                                                     {1.0, 0.0},
                                                     {1.0 - 0x1p-20, 0.0},
                                                     {-0x1p-40, 0.0},
                                                     {0.75, 0.5},
                                                     {0.0, 2.5},
                                                     {0.0, -2.5}}) {
    append_requantize(map, 0, "here", operation);
  }
  EXPECT_EQ(operation.multiplier, (std::vector<int32_t>{24576, 16384, 16384, -128, 24576, 0, 0}));
  EXPECT_EQ(operation.shift, (std::vector<uint8_t>{15, 14, 14, 47, 15, 1, 1}));
  EXPECT_EQ(operation.addend[4], 16384 + 16384);
  for (const int64_t accumulator : {-1000000, 0, 1000000}) {
    EXPECT_EQ(requantize(operation, 5, accumulator), 3) << "2.5, half up";
    EXPECT_EQ(requantize(operation, 6, accumulator), -2) << "-2.5, half up";
  }
}

// Slopes m * 2^-s with a 15-bit m and intercepts in quarters are exact in a package, so its result is
// floor(y * 2^f + 1/2) to the last bit, ties included. Seen to fail on: the half left out of the addend; half
// down; a shift one too small.
TEST(AppendRequantize, IsExactWhereTheNumbersAre) {
  std::mt19937 random(2);
  int ties = 0;
  for (int channel = 0; channel < 400; ++channel) {
    const int64_t multiplier = static_cast<int64_t>(16384 + random() % 16384) * (random() % 2 != 0 ? 1 : -1);
    const int shift = 4 + static_cast<int>(random() % 30);
    const int64_t quarters = static_cast<int64_t>(random() % 4001) - 2000;
    const int fraction_bits = static_cast<int>(random() % 9) - 4;
    const AffineMap map = {std::ldexp(static_cast<double>(multiplier), -shift - fraction_bits),
                           std::ldexp(static_cast<double>(quarters), -2 - fraction_bits)};
    package::Requantize operation;
    append_requantize(map, fraction_bits, "here", operation);
    ASSERT_EQ(operation.multiplier[0], multiplier);
    ASSERT_EQ(operation.shift[0], shift);
    for (int64_t accumulator = -3000; accumulator <= 3000; ++accumulator) {
      // y * 2^f + 1/2 over the common denominator 2^shift.
      const Wide numerator = static_cast<Wide>(accumulator) * multiplier +
                             static_cast<Wide>(quarters) * (Wide{1} << (shift - 2)) +
                             (Wide{1} << (shift - 1));
      ties += (numerator & ((Wide{1} << shift) - 1)) == 0;
      ASSERT_EQ(requantize(operation, 0, accumulator), static_cast<int64_t>(floor_shift(numerator, shift)))
          << multiplier << " >> " << shift << ", " << quarters << " / 4, " << accumulator;
    }
  }
  EXPECT_GT(ties, 100);
}

// Any slope: the multiplier is the nearest with the largest shift, the addend the nearest with the half in
// it. Products with powers of two and differences of close numbers are exact in float64. Seen to fail on: the
// multiplier truncated; 2^15 let through; a shift limit of 46.
TEST(AppendRequantize, TakesTheNearestMultiplierAndTheLargestShift) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> mantissa(1.0, 2.0);
  for (int draw = 0; draw < 20000; ++draw) {
    const double sign = random() % 2 != 0 ? 1.0 : -1.0;
    const double near_two = random() % 4 == 0 ? 2.0 - std::ldexp(mantissa(random), -16) : mantissa(random);
    const double slope = sign * std::ldexp(near_two, static_cast<int>(random() % 60) - 46);
    const double intercept = std::ldexp(mantissa(random) - 1.5, static_cast<int>(random() % 16) - 8);
    package::Requantize operation;
    append_requantize({slope, intercept}, 0, "here", operation);
    const int shift = operation.shift[0];
    const double multiplier = operation.multiplier[0];
    ASSERT_LE(std::fabs(multiplier), 32767.0) << slope;
    ASSERT_LE(std::fabs(multiplier - std::ldexp(slope, shift)), 0.5) << slope;
    ASSERT_TRUE(shift == 47 || std::round(std::fabs(std::ldexp(slope, shift + 1))) >= 32768.0) << slope;
    ASSERT_LE(shift, 47);
    const double half = shift > 0 ? std::ldexp(1.0, shift - 1) : 0.0;
    const double exact = std::ldexp(intercept, shift);
    ASSERT_LE(std::fabs(static_cast<double>(operation.addend[0]) - half - exact),
              std::fabs(exact) < 0x1p51 ? 0.5 : 1.0)
        << intercept << ", " << shift;
  }
}

TEST(AppendRequantize, FractionBitsScaleTheResult) {
  for (int fraction_bits = -8; fraction_bits <= 8; ++fraction_bits) {
    package::Requantize operation;
    append_requantize({0.3, -1.7}, fraction_bits, "here", operation);
    for (int64_t accumulator = -500; accumulator <= 500; ++accumulator) {
      const double exact = std::ldexp(0.3 * static_cast<double>(accumulator) - 1.7, fraction_bits);
      const double slack = 0.5 + std::ldexp(0.3 * 500, fraction_bits - 15) + 1e-9;
      ASSERT_NEAR(static_cast<double>(requantize(operation, 0, accumulator)), exact, slack) << fraction_bits;
    }
  }
}

TEST(AppendRequantize, RefusesWhatNoShiftRepresents) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto append = [](const AffineMap& map, int fraction_bits = 0) {
    package::Requantize operation;
    append_requantize(map, fraction_bits, "conv1, channel 7", operation);
    return operation;
  };
  const package::Requantize last = append({32767.25, 0.0});
  EXPECT_EQ(last.multiplier[0], 32767);
  EXPECT_EQ(last.shift[0], 0);
  EXPECT_EQ(last.addend[0], 0) << "without a shift there is no half";
  for (const AffineMap& map : std::vector<AffineMap>{{32767.5, 0.0},
                                                     {-32767.5, 0.0},
                                                     {1e9, 0.0},
                                                     {0x1p-40, 0x1p20},
                                                     {nan, 0.0},
                                                     {0.0, nan},
                                                     {infinity, 0.0},
                                                     {0.0, infinity}}) {
    const std::string said = error_text([&] { append(map); });
    EXPECT_EQ(said.find("conv1, channel 7 cannot be exported: its batch norm"), 0u) << said;
  }
  EXPECT_NE(error_text([&] { append({1.0, 0.0}, 20); }).find("cannot be exported"), std::string::npos);
  package::Threshold threshold;
  for (const AffineMap& map : std::vector<AffineMap>{{nan, 0.0}, {1.0, infinity}}) {
    EXPECT_NE(error_text([&] {
                append_threshold(map, 32, "conv2, channel 3", threshold);
              }).find("conv2, channel 3"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace kones
