// The products of tiles, on a machine's registers (kernels_test) or emulated ones (emulated_tiles_test).
#include "kones/kernels/tiers/tile_products.h"

#include <algorithm>
#include <random>
#include <vector>

#include "kernels/tested_tiers.h"
#include <gtest/gtest.h>

#include "kones/kernels/tiers/xnor_conv2d.h"

namespace kones::kernels {
namespace {

/// Skipped in kernels_test where the machine has no tile registers, whose instructions would end the program;
/// emulated_tiles_test runs the same tests everywhere that AVX-512 is.
class TileProductsTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::vector<CpuTier> tiers = tested_tiers();
    if (std::find(tiers.begin(), tiers.end(), CpuTier::amx_int8) == tiers.end())
      GTEST_SKIP() << "this machine has no tile registers; emulated_tiles_test runs this";
  }
};

/// Lines of 64 bytes, aligned.
struct Lines {
  explicit Lines(int64_t count) : bytes(64 * (count + 1)) {
    data = bytes.data() + (64 - reinterpret_cast<uintptr_t>(bytes.data()) % 64) % 64;
  }
  std::vector<int8_t> bytes;
  int8_t* data;
};

/// Words, or halves of words.
template <typename Word>
std::vector<Word> random_words(int64_t count) {
  std::mt19937_64 generator(7);
  std::vector<Word> words(count);
  for (Word& word : words) word = static_cast<Word>(generator());
  return words;
}

TEST_F(TileProductsTest, EachBitOfActivationsIsAByte) {
  const std::vector<uint64_t> words = random_words<uint64_t>(9);
  const Lines bytes(9);
  tiles_amx_int8.expand_activations(words.data(), 9, bytes.data);
  for (int64_t i = 0; i < 9 * 64; ++i)
    ASSERT_EQ(bytes.data[i], (words[i / 64] >> (i % 64)) & 1 ? -1 : 1) << i;
}

TEST_F(TileProductsTest, EachBitOfWeightsIsAByteInTheOrderOfTiles) {
  const std::vector<uint32_t> halves = random_words<uint32_t>(3 * 2 * xnor_panel);
  const Lines bytes(3 * 16);
  tiles_amx_int8.expand_weights(halves.data(), 3, bytes.data);
  for (int64_t k = 0; k < 3; ++k) {
    for (int o = 0; o < xnor_panel; ++o) {
      for (int bit = 0; bit < 64; ++bit) {
        const bool negative = ((halves[(2 * k + bit / 32) * xnor_panel + o] >> bit % 32) & 1) != 0;
        ASSERT_EQ(bytes.data[k * panel_word_bytes + bit / 4 * 64 + o * 4 + bit % 4], negative ? -1 : 1)
            << k << ", " << o << ", " << bit;
      }
    }
  }
}

/// Every size of block and of tile. Meant to catch: a register shared by two tiles, sums exchanged or not
/// cleared, pixels past the configured ones written.
TEST_F(TileProductsTest, BlocksOfEverySize) {
  constexpr int64_t words = 5;
  const std::vector<int64_t> offsets = {3, 0, 7, 1, 4};
  const std::vector<uint32_t> bits = random_words<uint32_t>(4 * words * 2 * xnor_panel);
  const Lines activations(500);
  std::mt19937 generator(3);
  for (int64_t i = 0; i < 500 * 64; ++i) activations.data[i] = generator() % 2 == 0 ? -1 : 1;
  const Lines weights(4 * words * 16);
  tiles_amx_int8.expand_weights(bits.data(), 4 * words, weights.data);
  for (int pixels = 1; pixels <= tile_products_pixels; ++pixels) {
    tiles_amx_int8.begin(pixels);
    for (int tiles = 1; tiles <= block_tiles; ++tiles) {
      for (int panels = 1; panels <= block_panels / tiles; ++panels) {
        for (const int64_t count : {int64_t{0}, int64_t{1}, words}) {
          constexpr int64_t pixel_lines = 9;
          constexpr int64_t tile_sums = tile_products_pixels * xnor_panel;
          TileBlock block = {};
          block.tiles = tiles;
          block.panels = panels;
          block.pixel_stride = pixel_lines * 64;
          block.offsets = offsets.data();
          block.words = count;
          std::vector<int32_t> sums(block_tiles * block_panels * tile_sums, 12345);
          for (int t = 0; t < tiles; ++t) {
            block.activations[t] = activations.data + t * 200 * 64;
            for (int p = 0; p < panels; ++p) block.sums[t][p] = &sums[(t * block_panels + p) * tile_sums];
          }
          for (int p = 0; p < panels; ++p) block.weights[p] = weights.data + p * words * panel_word_bytes;
          tiles_amx_int8.multiply(block);

          std::vector<int32_t> expected(sums.size(), 12345);
          for (int t = 0; t < tiles; ++t) {
            for (int p = 0; p < panels; ++p) {
              for (int pixel = 0; pixel < pixels; ++pixel) {
                for (int o = 0; o < xnor_panel; ++o) {
                  int32_t sum = 0;
                  for (int64_t k = 0; k < count; ++k) {
                    for (int i = 0; i < 64; ++i) {
                      sum += block.activations[t][(pixel * pixel_lines + offsets[k]) * 64 + i] *
                             block.weights[p][k * panel_word_bytes + i / 4 * 64 + o * 4 + i % 4];
                    }
                  }
                  expected[(t * block_panels + p) * tile_sums + pixel * xnor_panel + o] = sum;
                }
              }
            }
          }
          ASSERT_EQ(sums, expected) << pixels << " pixels, " << tiles << " tiles, " << panels << " panels";
        }
      }
    }
    tiles_amx_int8.end();
  }
}

}  // namespace
}  // namespace kones::kernels
