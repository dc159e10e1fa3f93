#include "kones/numeric/philox.h"

#include <array>
#include <random>

#include "numeric/reference_philox.h"
#include <gtest/gtest.h>

namespace kones {
namespace {

Words words(const PhiloxBlock& block) {
  return {block.word[0], block.word[1], block.word[2], block.word[3]};
}

// The three known answers for philox4x32 with 10 rounds that Random123 publishes (tests/kat_vectors):
// counters and keys of zeros, of ones, and of the digits of pi.
struct KnownAnswer {
  Words counter;
  uint32_t key0;
  uint32_t key1;
  Words output;
};

const KnownAnswer known_answers[] = {
    {{0, 0, 0, 0}, 0, 0, {0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}},
    {{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF},
     0xFFFFFFFF,
     0xFFFFFFFF,
     {0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}},
    {{0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344},
     0xA4093822,
     0x299F31D0,
     {0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}},
};

// Seen to fail on: 9 rounds, offset in the counter's low half, seed's halves swapped, two words of the block
// swapped.
TEST(Philox, KnownAnswers) {
  const auto join = [](uint32_t low, uint32_t high) { return static_cast<uint64_t>(high) << 32 | low; };
  for (const KnownAnswer& known : known_answers) {
    const RandomStream stream = {join(known.key0, known.key1), join(known.counter[2], known.counter[3])};
    EXPECT_EQ(words(philox_block(stream, join(known.counter[0], known.counter[1]))), known.output);
    EXPECT_EQ(reference_philox(known.counter, known.key0, known.key1), known.output)
        << "the reference is wrong";
  }
}

TEST(Philox, TheReferencesWords) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const RandomStream stream = {random(), random()};
    const uint64_t block = random() >> 2;
    const Words expected = {reference_word(stream.seed, stream.offset, 4 * block),
                            reference_word(stream.seed, stream.offset, 4 * block + 1),
                            reference_word(stream.seed, stream.offset, 4 * block + 2),
                            reference_word(stream.seed, stream.offset, 4 * block + 3)};
    ASSERT_EQ(words(philox_block(stream, block)), expected);
  }
}

// Seen to fail on: a division by 2^24 - 1, word / 2^32 rounded to float32 (which can be 1).
TEST(Philox, UniformNumbers) {
  EXPECT_EQ(uniform_from_word(0), 0.0f);
  EXPECT_EQ(uniform_from_word(0xFF), 0.0f);
  EXPECT_EQ(uniform_from_word(0x100), 0x1p-24f);
  EXPECT_EQ(uniform_from_word(0x80000000), 0.5f);
  EXPECT_EQ(uniform_from_word(0xFFFFFFFF), 1.0f - 0x1p-24f);
}

}  // namespace
}  // namespace kones
