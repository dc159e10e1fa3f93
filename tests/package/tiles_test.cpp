#include "kones/package/tiles.h"

#include <random>
#include <string>

#include "package/random_network.h"
#include <gtest/gtest.h>

namespace kones::package {
namespace {

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += "0123456789abcdef"[static_cast<uint8_t>(byte) >> 4];
    text += "0123456789abcdef"[static_cast<uint8_t>(byte) & 15];
  }
  return text;
}

std::string zeros(int bytes) {
  return std::string(2 * static_cast<std::size_t>(bytes), '0');
}

// The golden bytes below are worked out by hand from docs/package-format.md.

// LightNN-1, 2 outputs x 3 inputs: weights 1, -0.5, 2^-7 and -1, 0.25, -2^-7: codes 0, 9, 7 and 8, 2, f.
// Seen to fail on: high nibble first; tile columns and rows swapped.
TEST(Tiles, FourBits) {
  const Weights weights{NumberFormat::k_ones(1), 2, 3, {128, -64, 1, -128, 32, -1}};
  EXPECT_EQ(hex(pack_levels(weights)), "9007" + zeros(6) + "280f" + zeros(6) + zeros(14 * 8));
}

// LightNN-2, 1 x 3: 2 = 1 + 1 is code 0; -0.75 = -(1/2 + 1/4) is 1.001.010 = 4a; 2^-6 is 0.111.111 = 3f.
TEST(Tiles, EightBits) {
  const Weights weights{NumberFormat::k_ones(2), 1, 3, {256, -96, 2}};
  EXPECT_EQ(hex(pack_levels(weights)), "004a3f" + zeros(253));
}

// Binary, 1 x 18: the 17th input is the first of the second tile. + - + + - - - -, then +... and -, +.
TEST(Tiles, OneBitAndASecondTile) {
  const Weights weights{
      NumberFormat::binary(), 1, 18, {1, -1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 1, -1, -1, 1}};
  EXPECT_EQ(hex(pack_levels(weights)), "f280" + zeros(30) + "01" + zeros(31));
}

// Binary, 17 x 1: the 17th output is the first of the second output tile.
TEST(Tiles, ASecondOutputTile) {
  Weights weights{NumberFormat::binary(), 17, 1, std::vector<int32_t>(17, 1)};
  weights.levels[1] = -1;
  weights.levels[16] = -1;
  EXPECT_EQ(hex(pack_levels(weights)), "00000100" + zeros(28) + "0100" + zeros(30));
}

// 3-ones with shifts 0..7: 10-bit codes in 16 bits, little-endian. -(1/2 + 1/4 + 2^-7) is 1.001.010.111 =
// 0x257.
TEST(Tiles, SixteenBits) {
  const Weights weights{NumberFormat::k_ones(3), 1, 2, {-97, 384}};
  EXPECT_EQ(hex(pack_levels(weights)), "57020000" + zeros(508));
}

// 4-ones with shifts 0..15: 17-bit codes in 32 bits. -(4 * 2^-15) is 1.1111.1111.1111.1111 = 0x1ffff.
TEST(Tiles, ThirtyTwoBits) {
  const Weights weights{NumberFormat::k_ones(4, 15), 1, 2, {131072, -4}};
  EXPECT_EQ(hex(pack_levels(weights)), "00000000ffff0100" + zeros(1016));
}

// Seen to fail on: the number of input tiles rounded down.
TEST(Tiles, RoundTripOfEveryFormatAndEdge) {
  std::mt19937 random(3);
  for (const NumberFormat& format :
       {NumberFormat::binary(), NumberFormat::k_ones(1, 1), NumberFormat::k_ones(1), NumberFormat::k_ones(2),
        NumberFormat::k_ones(3, 4), NumberFormat::k_ones(4, 15)}) {
    const std::vector<int32_t> levels = format.levels();
    for (const uint32_t outputs : {1u, 15u, 16u, 17u, 40u}) {
      for (const uint32_t inputs : {1u, 16u, 33u}) {
        Weights weights{format, outputs, inputs, {}};
        for (uint32_t index = 0; index < outputs * inputs; ++index)
          weights.levels.push_back(levels[random() % levels.size()]);
        const std::string codes = pack_levels(weights);
        EXPECT_EQ(codes.size(), packed_bytes(format, outputs, inputs));
        EXPECT_EQ(unpack_levels(format, outputs, inputs, codes), weights.levels) << format.name();
      }
    }
  }
}

TEST(Tiles, SizesNeverOverflow) {
  EXPECT_EQ(packed_bytes(NumberFormat::k_ones(4, 15), UINT32_MAX, UINT32_MAX), UINT64_MAX);
  EXPECT_EQ(packed_bytes(NumberFormat::k_ones(1), 17, 16), 256u);
}

TEST(Tiles, RefusesWrongSizes) {
  const auto message = error_of([] { unpack_levels(NumberFormat::k_ones(1), 2, 3, std::string(127, '\0')); });
  EXPECT_NE(message.find("127 bytes"), std::string::npos) << message;
  EXPECT_NE(message.find("take 128"), std::string::npos) << message;
}

// Seen to fail on: the check of padding dropped.
TEST(Tiles, RefusesSetPadding) {
  std::string codes(128, '\0');
  codes[1] = 0x10;
  const auto message = error_of([&] { unpack_levels(NumberFormat::k_ones(1), 2, 3, codes); });
  EXPECT_NE(message.find("output 0, input 3, in the padding"), std::string::npos) << message;
}

// LightNN-2: m1 > m2 (0.001.000), and bit 7.
TEST(Tiles, RefusesCodesThatAreNotCanonical) {
  for (const char code : {'\x08', '\x80'}) {
    std::string codes(256, '\0');
    codes[16] = code;
    const auto message = error_of([&] { unpack_levels(NumberFormat::k_ones(2), 2, 3, codes); });
    EXPECT_NE(message.find("output 1, input 0, which is no canonical code"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace kones::package
