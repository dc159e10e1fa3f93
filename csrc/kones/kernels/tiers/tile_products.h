// What a tier that multiplies tiles of bytes provides for convolutions of signs, in the place of counting
// bits (kones/kernels/xnor_tiles.h). Each sign, the bits past the last channel among them, is a byte -1 or
// +1.
#pragma once

#include <cstdint>

#include "kones/kernels/cpu_tier.h"

namespace kones::kernels {

/// The pixels of a tile, at most; its outputs are a panel.
inline constexpr int tile_products_pixels = 16;
/// Tiles and panels of a block, at most; their product is at most 4, the sums that there are registers for.
inline constexpr int block_tiles = 2;
inline constexpr int block_panels = 4;
/// Bytes of a word's signs: of one pixel, and of a panel's outputs.
inline constexpr int64_t word_bytes = 64;
inline constexpr int64_t panel_word_bytes = 1024;

/// Tiles of pixels times panels of outputs.
struct TileBlock {
  int tiles;
  int panels;

  // Word k of pixel p of a tile is at activations[tile] + p * pixel_stride + offsets[k] * word_bytes, that of
  // a panel's outputs at weights[panel] + k * panel_word_bytes. pixel_stride is in bytes.
  const int8_t* activations[block_tiles];
  int64_t pixel_stride;
  const int64_t* offsets;
  int64_t words;
  const int8_t* weights[block_panels];

  /// The sum of pixel p and output o of a tile and a panel goes to sums[tile][panel][p * xnor_panel + o].
  int32_t* sums[block_tiles][block_panels];
};

struct TileProducts {
  void (*expand_activations)(const uint64_t* words, int64_t count, int8_t* bytes);
  /// `words` is what XnorRow's `weights` are, for `count` words.
  void (*expand_weights)(const uint32_t* words, int64_t count, int8_t* bytes);

  /// Before a thread multiplies tiles of `pixels` pixels, and after.
  void (*begin)(int pixels);
  void (*end)();
  void (*multiply)(const TileBlock& block);
};

extern const TileProducts tiles_amx_int8;

}  // namespace kones::kernels
