#include "kones/numeric/splitmix64.h"

#include <set>

#include <gtest/gtest.h>

namespace kones {
namespace {

// The generator's published first outputs for the seeds 1234567 and 0: its state grows by the golden gamma,
// and each state is hashed. Seen to fail on: a shift of 28 for 27.
TEST(SplitMix64, PublishedOutputs) {
  const uint64_t outputs[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                              4593380528125082431u, 16408922859458223821u};
  uint64_t state = 1234567;
  for (const uint64_t output : outputs) {
    EXPECT_EQ(splitmix64(state), output);
    state += 0x9E3779B97F4A7C15u;
  }
  EXPECT_EQ(splitmix64(0), 0xE220A8397B1DCDAFu);
}

// Values from an implementation in Python. Resumed runs rely on them: they never change. Seen to fail on: a
// sum in place of the exclusive or.
TEST(SplitMix64, OfSequences) {
  EXPECT_EQ(splitmix64_of({}), 0u);
  EXPECT_EQ(splitmix64_of({0}), 0xE220A8397B1DCDAFu);
  EXPECT_EQ(splitmix64_of({1, 2, 3}), 0xD0734750FDE362B3u);
  EXPECT_EQ(splitmix64_of({1, 3, 2}), 0x8F3ED33ABD58DEB9u);
}

// Seen to fail on: layer and purpose swapped.
TEST(SplitMix64, LayerSeeds) {
  EXPECT_EQ(layer_seed(42, 0, RandomPurpose::weight), 0x6310BF04D8207F46u);
  EXPECT_EQ(layer_seed(42, 0, RandomPurpose::activation), 0xB682EE25CE24109Eu);
  EXPECT_EQ(layer_seed(42, 1, RandomPurpose::weight), 0x93BE8420BB55B94Cu);
  EXPECT_EQ(layer_seed(static_cast<uint64_t>(-1), 5, RandomPurpose::gradient), 0x4DE0C4A9E20A8219u);
}

TEST(SplitMix64, LayerSeedsDiffer) {
  std::set<uint64_t> seeds;
  for (uint64_t run = 0; run < 10; ++run) {
    for (uint64_t layer = 0; layer < 100; ++layer) {
      for (const auto purpose : {RandomPurpose::weight, RandomPurpose::activation, RandomPurpose::gradient}) {
        seeds.insert(layer_seed(run, layer, purpose));
      }
    }
  }
  EXPECT_EQ(seeds.size(), 10u * 100u * 3u);
}

}  // namespace
}  // namespace kones
