#include "kones/kernels/xnor_tiles.h"

#include <algorithm>

namespace kones::kernels {

const TileProducts* tile_products([[maybe_unused]] CpuTier tier) {
#if defined(__x86_64__)
  if (tier == CpuTier::amx_int8) return &tiles_amx_int8;
#endif
  return nullptr;
}

XnorTiles::XnorTiles(const XnorPlan& plan, const TileProducts& products, const Parallel& parallel)
    : plan_(plan), products_(products) {
  const int64_t pixels = std::max<int64_t>(
      1, plan.layout.patches ? plan.shape.out_width() : plan.end_column - plan.first_column);
  const int64_t tiles = (pixels + tile_products_pixels - 1) / tile_products_pixels;
  tile_pixels_ = (pixels + tiles - 1) / tiles;

  const int64_t panels = plan.shape.groups * plan.layout.panels;
  const int64_t words = plan.layout.words;
  const auto bytes = static_cast<size_t>(panels * words * panel_word_bytes);
  weights_.reset(static_cast<int8_t*>(::operator new(bytes, line)));
  parallel.run(panels, [&](int64_t begin, int64_t end) {
    products_.expand_weights(plan.weights + 2 * begin * words * xnor_panel, (end - begin) * words,
                             weights_.get() + begin * words * panel_word_bytes);
  });
}

void XnorTiles::expand_rows(uint64_t* operand, int64_t begin, int64_t end) const {
  const XnorPlan& plan = plan_;
  const bool patches = plan.layout.patches;
  const int64_t row_words = patches ? plan.shape.out_width() * plan.layout.words : plan.plane_row_words();
  auto* bytes = reinterpret_cast<int8_t*>(operand) - plan.operand_words() * word_bytes;
  for (int64_t group = 0; group < plan.shape.groups; ++group) {
    const int64_t first =
        (patches ? group * plan.patch_words() : plan.plane_offset(group)) + begin * row_words;
    products_.expand_activations(operand + first, (end - begin) * row_words, bytes + first * word_bytes);
  }
}

}  // namespace kones::kernels
