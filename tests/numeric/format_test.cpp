// The table of formats, against codes made from the definition: every tuple of shifts is a code of its sum.
#include "kones/numeric/format.h"

#include <climits>
#include <map>
#include <stdexcept>

#include <gtest/gtest.h>

namespace kones {
namespace {

/// How many bits hold the numbers 0 .. max_shift.
int shift_bits(int max_shift) {
  return max_shift == 0 ? 0 : max_shift <= 1 ? 1 : max_shift <= 3 ? 2 : max_shift <= 7 ? 3 : 4;
}

/// The codes of k-ones, by listing all tuples of shifts in lexicographic order: the first tuple of a sum has
/// the largest terms first, so it is the canonical one.
struct ListedCodes {
  std::map<uint32_t, int32_t> level_of;      // codes whose shifts are in 0..max_shift
  std::map<int32_t, uint32_t> canonical_of;  // levels

  ListedCodes(int terms, int max_shift) {
    std::vector<int> shifts(static_cast<std::size_t>(terms), 0);
    while (true) {
      uint32_t code = 0;
      int32_t sum = 0;
      for (const int shift : shifts) {
        code = code * (1u << shift_bits(max_shift)) + static_cast<uint32_t>(shift);
        sum += 1 << (max_shift - shift);
      }
      const uint32_t sign = 1u << (terms * shift_bits(max_shift));
      level_of[code] = sum;
      level_of[code + sign] = -sum;
      canonical_of.emplace(sum, code);
      canonical_of.emplace(-sum, code + sign);
      int term = terms - 1;
      while (term >= 0 && shifts[static_cast<std::size_t>(term)] == max_shift) --term;
      if (term < 0) break;
      ++shifts[static_cast<std::size_t>(term)];
      for (int later = term + 1; later < terms; ++later) shifts[static_cast<std::size_t>(later)] = 0;
    }
  }
};

class KOnesFormat : public testing::TestWithParam<int> {};

// Seen to fail on: m1 and m2 swapped in the code, the sign in bit 0, any power that fits taken first, a level
// of fewer units than terms, of one term too many, shifts counted from max_shift down.
TEST_P(KOnesFormat, EveryLevelAndCode) {
  const int terms = GetParam();
  for (int max_shift = 0; max_shift <= 15; ++max_shift) {
    SCOPED_TRACE("max_shift = " + std::to_string(max_shift));
    const NumberFormat format = NumberFormat::k_ones(terms, max_shift);
    const ListedCodes listed(terms, max_shift);
    ASSERT_TRUE(format.is_valid());
    ASSERT_EQ(format.code_bits(), 1 + terms * shift_bits(max_shift));
    ASSERT_EQ(format.fraction_bits(), max_shift);
    ASSERT_EQ(format.max_level(), terms << max_shift);

    std::vector<int32_t> levels;
    for (const auto& [level, code] : listed.canonical_of) {
      levels.push_back(level);
      ASSERT_EQ(format.encode(level), code) << level;
      ASSERT_EQ(format.decode(code), level) << code;
      ASSERT_TRUE(format.is_canonical(code)) << code;
    }
    ASSERT_EQ(format.levels(), levels);
    for (const auto& [code, level] : listed.level_of) {
      ASSERT_EQ(format.decode(code), level) << code;
      ASSERT_EQ(format.is_canonical(code), listed.canonical_of.at(level) == code) << code;
    }
  }
}

// All other integers are no levels. Seen to fail on: the check left out of encode.
TEST_P(KOnesFormat, EncodesLevelsAlone) {
  const int terms = GetParam();
  for (const int max_shift : {0, 1, 5, 7}) {
    const NumberFormat format = NumberFormat::k_ones(terms, max_shift);
    const ListedCodes listed(terms, max_shift);
    const int32_t end = 2 * format.max_level();
    for (int32_t level = -end; level <= end; ++level) {
      if (listed.canonical_of.count(level) == 1) continue;
      ASSERT_THROW(format.encode(level), std::invalid_argument) << level << " of " << format.name();
    }
    for (const int32_t level : {INT_MIN, INT_MIN + 1, INT_MAX}) {
      ASSERT_THROW(format.encode(level), std::invalid_argument) << level << " of " << format.name();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Terms, KOnesFormat, testing::Values(1, 2, 3, 4),
                         [](const auto& terms) { return "K" + std::to_string(terms.param); });

// A code whose shift is above max_shift, or with bits above its own, is never canonical. Where the shift's
// bits can say more than max_shift, it counts as max_shift. Seen to fail on: the minimum dropped (a shift by
// a negative number).
TEST(NumberFormat, CodesThatAreNotCanonical) {
  const NumberFormat five = NumberFormat::k_ones(1, 5);
  EXPECT_EQ(five.decode(5), 1);
  EXPECT_EQ(five.decode(6), 1);
  EXPECT_EQ(five.decode(8 + 7), -1);
  EXPECT_TRUE(five.is_canonical(5));
  EXPECT_FALSE(five.is_canonical(6));
  EXPECT_FALSE(five.is_canonical(8 + 7));
  EXPECT_FALSE(five.is_canonical(16));
  EXPECT_FALSE(NumberFormat::k_ones(2).is_canonical(1u << 7));
  EXPECT_FALSE(NumberFormat::binary().is_canonical(2));
}

// LightNN-1: bit 3 sign, bits 2..0 m. LightNN-2: bit 6 sign, bits 5..3 m1, bits 2..0 m2, m1 <= m2. The grid
// is 2^-7.
TEST(NumberFormat, LightNNCodesByHand) {
  const NumberFormat one = NumberFormat::k_ones(1);
  EXPECT_EQ(one.code_bits(), 4);
  EXPECT_EQ(one.levels().size(), 16u);
  EXPECT_EQ(one.encode(128), 0b0000u);  // 1
  EXPECT_EQ(one.encode(-32), 0b1010u);  // -2^-2
  EXPECT_EQ(one.encode(-1), 0b1111u);   // -2^-7

  const NumberFormat two = NumberFormat::k_ones(2);
  EXPECT_EQ(two.code_bits(), 7);
  EXPECT_EQ(two.levels().size(), 72u);
  EXPECT_EQ(two.encode(256), 0b0'000'000u);  // 1 + 1
  EXPECT_EQ(two.encode(-96), 0b1'001'010u);  // -(2^-1 + 2^-2)
  EXPECT_EQ(two.encode(129), 0b0'000'111u);  // 1 + 2^-7
  EXPECT_EQ(two.encode(64), 0b0'010'010u);   // 2^-2 + 2^-2
  EXPECT_EQ(two.decode(0b0'111'000u), 129);  // m1 > m2: not canonical, but decodes
  EXPECT_FALSE(two.is_canonical(0b0'111'000u));
}

// 1 = 2^-1 + 2^-2 + 2^-2 has no larger first term; 1.25 has two sums of three terms, and takes the one that
// starts with 1: 1 + 2^-3 + 2^-3, not 2^-1 + 2^-1 + 2^-2.
TEST(NumberFormat, GreedyCodesByHand) {
  const NumberFormat three = NumberFormat::k_ones(3);
  EXPECT_EQ(three.encode(128), 0b0'001'010'010u);
  EXPECT_EQ(three.encode(160), 0b0'000'011'011u);
  EXPECT_FALSE(three.is_canonical(0b0'001'001'010u));
}

// Seen to fail on: as many bits as the code has.
TEST(NumberFormat, StorageBits) {
  EXPECT_EQ(NumberFormat::binary().storage_bits(), 1);
  EXPECT_EQ(NumberFormat::k_ones(1, 0).storage_bits(), 1);
  EXPECT_EQ(NumberFormat::k_ones(1, 1).storage_bits(), 2);
  EXPECT_EQ(NumberFormat::k_ones(1, 7).storage_bits(), 4);
  EXPECT_EQ(NumberFormat::k_ones(1, 15).storage_bits(), 8);
  EXPECT_EQ(NumberFormat::k_ones(2, 7).storage_bits(), 8);
  EXPECT_EQ(NumberFormat::k_ones(3, 7).storage_bits(), 16);
  EXPECT_EQ(NumberFormat::k_ones(4, 15).storage_bits(), 32);
}

TEST(NumberFormat, Binary) {
  const NumberFormat format = NumberFormat::binary();
  EXPECT_TRUE(format.is_valid());
  EXPECT_EQ(format.code_bits(), 1);
  EXPECT_EQ(format.fraction_bits(), 0);
  EXPECT_EQ(format.max_level(), 1);
  EXPECT_EQ(format.levels(), (std::vector<int32_t>{-1, 1}));
  EXPECT_EQ(format.encode(-1), 1u);
  EXPECT_EQ(format.encode(1), 0u);
  EXPECT_EQ(format.decode(1), -1);
  EXPECT_EQ(format.decode(0), 1);
  EXPECT_TRUE(format.is_canonical(0) && format.is_canonical(1));
  for (const int32_t level : {0, 2, -2, INT_MIN, INT_MAX}) {
    EXPECT_THROW(format.encode(level), std::invalid_argument) << level;
  }
}

/// Every code and level of a format against the level of each code, and the code that each level is written
/// with.
void expect_codes(const NumberFormat& format, const std::map<uint32_t, int32_t>& level_of,
                  const std::map<int32_t, uint32_t>& canonical_of) {
  SCOPED_TRACE(format.name());
  ASSERT_EQ(level_of.size(), std::size_t{1} << format.code_bits());
  std::vector<int32_t> levels;
  for (const auto& [level, code] : canonical_of) {
    levels.push_back(level);
    ASSERT_EQ(format.encode(level), code) << level;
  }
  EXPECT_EQ(format.levels(), levels);
  EXPECT_EQ(format.min_level(), levels.front());
  EXPECT_EQ(format.max_level(), levels.back());
  for (const auto& [code, level] : level_of) {
    ASSERT_EQ(format.decode(code), level) << code;
    const auto canonical = canonical_of.find(level);
    ASSERT_EQ(format.is_canonical(code), canonical != canonical_of.end() && canonical->second == code)
        << code;
  }
  for (int32_t level = levels.front() - 2; level <= levels.back() + 2; ++level) {
    if (canonical_of.count(level) == 1) continue;
    ASSERT_THROW(format.encode(level), std::invalid_argument) << level;
  }
}

// The sign, then how far the exponent is below the largest; zero comes after the smallest. Meant to catch:
// zero's code taken for the smallest level, a sign below the shift.
TEST(NumberFormat, PowerOfTwoCodes) {
  for (const bool zero : {false, true}) {
    for (const auto& [smallest, largest] : {std::pair{-7, 0}, {-6, 0}, {3, 5}, {0, 0}, {-12, -2}}) {
      const NumberFormat format = NumberFormat::power_of_two(smallest, largest, zero);
      const int exponents = largest - smallest + 1;
      std::map<uint32_t, int32_t> level_of;
      std::map<int32_t, uint32_t> canonical_of;
      const uint32_t sign = 1u << (format.code_bits() - 1);
      for (uint32_t shift = 0; shift < sign; ++shift) {
        const int exponent = largest - static_cast<int>(shift);
        const bool beyond = exponent < smallest;
        const int32_t magnitude = beyond ? (zero ? 0 : 1) : 1 << (exponent - smallest);
        level_of[shift] = magnitude;
        level_of[sign + shift] = -magnitude;
        canonical_of.emplace(magnitude, shift);
        canonical_of.emplace(-magnitude, sign + shift);
      }
      ASSERT_EQ(canonical_of.size(), static_cast<std::size_t>(2 * exponents + (zero ? 1 : 0)));
      EXPECT_EQ(format.fraction_bits(), -smallest);
      expect_codes(format, level_of, canonical_of);
    }
  }
  // Without zero and from -7 to 0 the codes are LightNN-1's.
  const NumberFormat powers = NumberFormat::power_of_two(-7, 0);
  for (uint32_t code = 0; code < 16; ++code)
    EXPECT_EQ(powers.decode(code), NumberFormat::k_ones(1).decode(code));
}

TEST(NumberFormat, PowersOfTwoTooFarApartHaveNoCodes) {
  const NumberFormat format = NumberFormat::power_of_two(-20, 11);
  EXPECT_TRUE(format.is_valid());
  EXPECT_FALSE(format.has_codes());
  EXPECT_TRUE(NumberFormat::power_of_two(-20, 10).has_codes());
  EXPECT_EQ(NumberFormat::power_of_two(-20, 10).max_level(), 1 << 30);
  EXPECT_THROW(format.code_bits(), std::invalid_argument);
  EXPECT_THROW(format.levels(), std::invalid_argument);
  EXPECT_EQ(format.roundings().size(), 4u);
}

TEST(NumberFormat, TernaryCodes) {
  expect_codes(NumberFormat::ternary(), {{0, 0}, {1, 1}, {2, 0}, {3, -1}}, {{-1, 3}, {0, 0}, {1, 1}});
}

// Two's complement of all its bits, or plain binary. Meant to catch: a sign bit one too high, the unsigned
// range halved.
TEST(NumberFormat, FixedPointCodes) {
  for (const auto& [before, after] : {std::pair{2, 6}, {1, 0}, {-3, 9}, {6, -2}, {10, 2}}) {
    const int bits = before + after;
    for (const bool is_signed : {true, false}) {
      std::map<uint32_t, int32_t> level_of;
      std::map<int32_t, uint32_t> canonical_of;
      for (int32_t code = 0; code < 1 << bits; ++code) {
        const int32_t level = is_signed && code >= 1 << (bits - 1) ? code - (1 << bits) : code;
        level_of[static_cast<uint32_t>(code)] = level;
        canonical_of[level] = static_cast<uint32_t>(code);
      }
      const NumberFormat format = NumberFormat::fixed_point(before, after, is_signed);
      EXPECT_EQ(format.fraction_bits(), after);
      expect_codes(format, level_of, canonical_of);
    }
  }
  EXPECT_EQ(NumberFormat::fixed_point(12, 12).min_level(), -(1 << 23));
  EXPECT_EQ(NumberFormat::fixed_point(12, 12, false).max_level(), (1 << 24) - 1);
}

TEST(NumberFormat, BoundsOfTheNewerFamilies) {
  for (const NumberFormat& none :
       {NumberFormat::power_of_two(1, 0), NumberFormat::power_of_two(-127, 0),
        NumberFormat::power_of_two(0, 127), NumberFormat::fixed_point(0, 0), NumberFormat::fixed_point(20, 5),
        NumberFormat::fixed_point(127, -120), NumberFormat::fixed_point(-120, 127)}) {
    EXPECT_FALSE(none.is_valid());
    EXPECT_THROW(none.name(), std::invalid_argument);
  }
  NumberFormat stray = NumberFormat::ternary();
  stray.zero = true;
  EXPECT_FALSE(stray.is_valid());
}

TEST(NumberFormat, Names) {
  EXPECT_EQ(NumberFormat::k_ones(1).name(), "1-ones, shifts 0..7");
  EXPECT_EQ(NumberFormat::k_ones(4, 15).name(), "4-ones, shifts 0..15");
  EXPECT_EQ(NumberFormat::binary().name(), "binary");
  EXPECT_EQ(NumberFormat::power_of_two(-7, 0).name(), "powers of two, exponents -7..0");
  EXPECT_EQ(NumberFormat::power_of_two(-6, 1, true).name(), "powers of two, exponents -6..1, and zero");
  EXPECT_EQ(NumberFormat::ternary().name(), "ternary");
  EXPECT_EQ(NumberFormat::fixed_point(2, 6).name(), "signed fixed point [2, 6]");
}

// Seen to fail on: terms and max_shift checked only above.
TEST(NumberFormat, WhatIsNoFormat) {
  NumberFormat unknown;
  unknown.family = static_cast<FormatFamily>(200);
  NumberFormat binary_with_terms = NumberFormat::binary();
  binary_with_terms.terms = 1;
  NumberFormat binary_with_shift = NumberFormat::binary();
  binary_with_shift.max_shift = 7;
  const NumberFormat none[] = {NumberFormat::k_ones(0),
                               NumberFormat::k_ones(5),
                               NumberFormat::k_ones(-1),
                               NumberFormat::k_ones(1, -1),
                               NumberFormat::k_ones(1, 16),
                               NumberFormat::k_ones(INT_MAX),
                               NumberFormat::k_ones(1, INT_MIN),
                               unknown,
                               binary_with_terms,
                               binary_with_shift};
  for (const NumberFormat& format : none) {
    SCOPED_TRACE(std::to_string(static_cast<int>(format.family)) + ", " + std::to_string(format.terms) +
                 ", " + std::to_string(format.max_shift));
    EXPECT_FALSE(format.is_valid());
    EXPECT_THROW(format.name(), std::invalid_argument);
    EXPECT_THROW(format.code_bits(), std::invalid_argument);
    EXPECT_THROW(format.storage_bits(), std::invalid_argument);
    EXPECT_THROW(format.fraction_bits(), std::invalid_argument);
    EXPECT_THROW(format.max_level(), std::invalid_argument);
    EXPECT_THROW(format.encode(1), std::invalid_argument);
    EXPECT_THROW(format.decode(0), std::invalid_argument);
    EXPECT_THROW(format.is_canonical(0), std::invalid_argument);
    EXPECT_THROW(format.levels(), std::invalid_argument);
  }
}

TEST(NumberFormat, TheErrorNamesTheLevelAndTheFormat) {
  try {
    NumberFormat::k_ones(1).encode(5);
    ADD_FAILURE() << "no error";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "5 * 2^-7 is no level of 1-ones, shifts 0..7");
  }
}

TEST(NumberFormat, Equality) {
  EXPECT_EQ(NumberFormat::k_ones(2), NumberFormat::k_ones(2, 7));
  EXPECT_NE(NumberFormat::k_ones(2), NumberFormat::k_ones(1));
  EXPECT_NE(NumberFormat::k_ones(2), NumberFormat::k_ones(2, 6));
  NumberFormat other = NumberFormat::binary();
  other.family = FormatFamily::k_ones;
  EXPECT_NE(other, NumberFormat::binary());
}

}  // namespace
}  // namespace kones
