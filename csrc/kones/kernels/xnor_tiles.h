// Convolutions of signs in a tier that multiplies tiles of bytes: the operand's words and the weights' become
// bytes, their products are summed, and the sums go on to the tier's functions for rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

#include "kones/kernels/parallel.h"
#include "kones/kernels/tiers/tile_products.h"
#include "kones/kernels/xnor_plan.h"

namespace kones::kernels {

/// Null for a tier that counts bits.
const TileProducts* tile_products(CpuTier tier);

/// The operand's bytes lie before its words, in their order.
class XnorTiles {
 public:
  /// Expands the weights.
  XnorTiles(const XnorPlan& plan, const TileProducts& products, const Parallel& parallel);

  /// Around what a thread computes.
  class Scope {
   public:
    explicit Scope(const XnorTiles* tiles) : tiles_(tiles) {
      if (tiles_ != nullptr) tiles_->products_.begin(static_cast<int>(tiles_->tile_pixels_));
    }
    ~Scope() {
      if (tiles_ != nullptr) tiles_->products_.end();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    const XnorTiles* tiles_;
  };

  int64_t words_before_operand() const {
    return word_bytes / int64_t{sizeof(uint64_t)} * plan_.operand_words();
  }

  /// Rows of what sums read: of the planes, or of the output's patches.
  int64_t operand_rows() const {
    return plan_.layout.patches ? plan_.shape.out_height() : plan_.shape.in_height;
  }
  void expand_rows(uint64_t* operand, int64_t begin, int64_t end) const;

  /// A row without words, for the tier's functions, which get its sums.
  template <typename T>
  static XnorRow<T> without_products(XnorRow<T> row) {
    alignas(64) static constexpr int32_t no_sums[xnor_panel] = {};
    row.activations = reinterpret_cast<const uint64_t*>(no_sums);
    row.pixel_stride = 0;
    return row;
  }

  /// finish(part) for parts of one row's panels, at most block_panels, that have the same operand: its
  /// columns with real taps.
  template <typename T, typename Finish>
  void compute(const uint64_t* operand, const XnorRow<T>* panels, int count, const Finish& finish) const {
    const int64_t tiles = (panels->pixels + tile_pixels_ - 1) / tile_pixels_;
    for (int64_t tile = 0; tile < tiles; tile += block_tiles) {
      const int width = static_cast<int>(std::min<int64_t>(block_tiles, tiles - tile));
      const int most = block_panels / width;
      for (int panel = 0; panel < count; panel += most)
        compute_block(operand, panels + panel, std::min(most, count - panel), tile, width, finish);
    }
  }

 private:
  struct Free {
    void operator()(int8_t* bytes) const { ::operator delete(bytes, line); }
  };
  static constexpr std::align_val_t line{64};

  static const int8_t* bytes_of(const uint64_t* operand, const uint64_t* word, int64_t words) {
    return reinterpret_cast<const int8_t*>(operand) + (word - operand - words) * word_bytes;
  }

  template <typename T, typename Finish>
  void compute_block(const uint64_t* operand, const XnorRow<T>* panels, int count, int64_t tile, int width,
                     const Finish& finish) const {
    const XnorRow<T>& row = *panels;
    // All tiles are alike: the last one begins early, and makes some sums again.
    const auto first_pixel = [&](int64_t number) {
      return std::min(number * tile_pixels_, row.pixels - tile_pixels_);
    };
    const int64_t first = first_pixel(tile);
    alignas(64) int32_t sums[block_panels][block_tiles * tile_products_pixels * xnor_panel];
    TileBlock block = {};
    block.tiles = width;
    block.panels = count;
    block.pixel_stride = row.pixel_stride * word_bytes;
    block.offsets = row.offsets;
    block.words = row.words;
    for (int t = 0; t < width; ++t) {
      const int64_t pixel = first_pixel(tile + t);
      block.activations[t] =
          bytes_of(operand, row.activations + pixel * row.pixel_stride, plan_.operand_words());
      for (int p = 0; p < count; ++p) block.sums[t][p] = sums[p] + (pixel - first) * xnor_panel;
    }
    for (int p = 0; p < count; ++p)
      block.weights[p] =
          weights_.get() + (panels[p].weights - plan_.weights) / (2 * xnor_panel) * panel_word_bytes;
    products_.multiply(block);

    const int64_t begin = tile * tile_pixels_;
    const int64_t end = std::min(begin + width * tile_pixels_, row.pixels);
    for (int p = 0; p < count; ++p) {
      XnorRow<T> part = panels[p];
      part.pixels = end - begin;
      part.activations = reinterpret_cast<const uint64_t*>(sums[p] + (begin - first) * xnor_panel);
      part.pixel_stride = xnor_panel * sizeof(int32_t) / sizeof(uint64_t);
      part.column_sums += begin;
      if (part.values != nullptr) part.values += begin * part.value_pixel_stride;
      if (part.residual != nullptr) part.residual += begin * part.value_pixel_stride;
      if (part.sign_words != nullptr) part.sign_words += begin * part.word_stride;
      finish(part);
    }
  }

  const XnorPlan& plan_;
  const TileProducts& products_;
  int64_t tile_pixels_;
  std::unique_ptr<int8_t, Free> weights_;
};

}  // namespace kones::kernels
