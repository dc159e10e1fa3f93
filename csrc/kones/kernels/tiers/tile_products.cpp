// Products of tiles of signs, in a tier that has tile registers. CMake compiles this file for its instruction
// set and with KONES_TIER its name. All but the table has internal linkage, and all that it includes is
// inlined.
#include "kones/kernels/tiers/tile_products.h"

#include <immintrin.h>

#include "kones/kernels/tiers/table.h"
#include "kones/kernels/tiers/tile_registers.h"
#include "kones/kernels/tiers/xnor_conv2d.h"

namespace kones::kernels {
namespace {

/// A byte for each bit: -1 where it is set, else +1.
inline __m512i signs_of(__mmask64 bits) {
  return _mm512_or_si512(_mm512_movm_epi8(bits), _mm512_set1_epi8(1));
}

void expand_activations(const uint64_t* words, int64_t count, int8_t* bytes) {
  for (int64_t i = 0; i < count; ++i) _mm512_store_si512(bytes + i * word_bytes, signs_of(words[i]));
}

/// Row r of a tile of weights has, for each output, the signs 4 * r .. 4 * r + 3 of a word.
void expand_weights(const uint32_t* words, int64_t count, int8_t* bytes) {
  const __m512i first_of_lane = _mm512_set4_epi32(0x0C0C0C0C, 0x08080808, 0x04040404, 0x00000000);
  for (int64_t i = 0; i < count; ++i, words += 2 * xnor_panel) {
    for (int half = 0; half < 2; ++half) {
      const __m512i outputs = _mm512_loadu_si512(words + half * xnor_panel);
      for (int byte = 0; byte < 4; ++byte) {
        const __m512i four_times =
            _mm512_shuffle_epi8(outputs, _mm512_add_epi8(first_of_lane, _mm512_set1_epi8(byte)));
        for (int odd = 0; odd < 2; ++odd) {
          const __m512i bits = _mm512_set1_epi32(static_cast<int32_t>(0x08040201u << 4 * odd));
          _mm512_store_si512(bytes, signs_of(_mm512_test_epi8_mask(four_times, bits)));
          bytes += tile_row_bytes;
        }
      }
    }
  }
}

// Registers: sums, then a tile of activations for each tile, then two of weights by turns.
constexpr int first_activations = 4;
constexpr int first_weights = 6;

void begin(int pixels) {
  TileConfiguration configuration;
  for (int tile = 0; tile < 8; ++tile) {
    configuration.row_bytes[tile] = tile_row_bytes;
    configuration.rows[tile] = static_cast<uint8_t>(tile < first_weights ? pixels : tile_rows);
  }
  configure_tiles(configuration);
}

/// Tile `Tile` and panel `Panel` of a block, and those after them.
template <int Tiles, int Panels, int Tile, int Panel>
struct Sums {
  static constexpr int number = Tile * Panels + Panel;
  using Next = Sums<Tiles, Panels, Tile + 1 == Tiles ? 0 : Tile + 1, Tile + 1 == Tiles ? Panel + 1 : Panel>;

  static void clear() {
    clear_tile<number>();
    Next::clear();
  }
  static void add_products(const TileBlock& block, int64_t k) {
    constexpr int activations = first_activations + Tile;
    constexpr int weights = first_weights + Panel % 2;
    if (Panel == 0) {
      load_tile<activations>(block.activations[Tile] + block.offsets[k] * word_bytes, block.pixel_stride);
    }
    if (Tile == 0) load_tile<weights>(block.weights[Panel] + k * panel_word_bytes, tile_row_bytes);
    multiply_tiles<number, activations, weights>();
    Next::add_products(block, k);
  }
  static void store(const TileBlock& block) {
    store_tile<number>(block.sums[Tile][Panel], xnor_panel * sizeof(int32_t));
    Next::store(block);
  }
};
template <int Tiles, int Panels>
struct Sums<Tiles, Panels, 0, Panels> {
  static void clear() {}
  static void add_products(const TileBlock&, int64_t) {}
  static void store(const TileBlock&) {}
};

template <int Tiles, int Panels>
void multiply_block(const TileBlock& block) {
  static_assert(Tiles * Panels <= first_activations);
  using All = Sums<Tiles, Panels, 0, 0>;
  All::clear();
  for (int64_t k = 0; k < block.words; ++k) All::add_products(block, k);
  All::store(block);
}

void multiply(const TileBlock& block) {
  if (block.tiles == 2) return block.panels == 2 ? multiply_block<2, 2>(block) : multiply_block<2, 1>(block);
  switch (block.panels) {
    case 1:
      return multiply_block<1, 1>(block);
    case 2:
      return multiply_block<1, 2>(block);
    case 3:
      return multiply_block<1, 3>(block);
    default:
      return multiply_block<1, 4>(block);
  }
}

}  // namespace

extern const TileProducts KONES_TIER_TABLE(tiles);
const TileProducts KONES_TIER_TABLE(tiles) = {expand_activations, expand_weights, begin, release_tiles,
                                              multiply};

}  // namespace kones::kernels
