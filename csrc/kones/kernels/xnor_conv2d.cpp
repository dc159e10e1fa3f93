#include "kones/kernels/xnor_conv2d.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "kones/kernels/scratch.h"
#include "kones/kernels/subnormal_numbers.h"
#include "kones/kernels/xnor_operand.h"
#include "kones/kernels/xnor_plan.h"
#include "kones/kernels/xnor_rows.h"
#include "kones/kernels/xnor_tiles.h"

namespace kones::kernels {
namespace {

/// Whether images are one pixel without a border, and outputs neighbours.
template <typename T>
bool is_linear(const XnorShape& shape, const XnorOutput<T>& output) {
  return shape.in_height == 1 && shape.in_width == 1 && shape.taps() == 1 && shape.padding_height == 0 &&
         shape.padding_width == 0 &&
         ((output.values == nullptr && output.residual == nullptr) || output.channel_stride == 1);
}

}  // namespace

template <typename T>
void xnor_conv2d(const XnorInput& input, const void* prepacked, const XnorShape& shape,
                 const XnorEpilogue& epilogue, const XnorOutput<T>& output, const Parallel& parallel,
                 CpuTier tier) {
  if (shape.batch == 0) return;
  const SubnormalNumbers scope;
  if (shape.batch > 1 && is_linear(shape, output)) {
    // One image whose pixels are the batch: a panel's weights are read once for several of them.
    XnorShape one = shape;
    std::swap(one.batch, one.in_width);
    one.stride_width = 1;
    XnorInput pixels = input;
    std::swap(pixels.layout.batch, pixels.layout.pixels);
    pixels.layout.pixel_stride = input.layout.batch_stride;
    XnorOutput<T> results = output;
    results.pixel_stride = output.batch_stride;
    results.channel_stride = 1;
    return xnor_conv2d(pixels, prepacked, one, epilogue, results, parallel, tier);
  }
  const XnorPlan plan(shape, prepacked);
  std::optional<XnorTiles> expanded;
  if (const TileProducts* products = tile_products(tier)) expanded.emplace(plan, *products, parallel);
  const XnorTiles* tiles = expanded ? &*expanded : nullptr;
  const int64_t words_before = tiles == nullptr ? 0 : tiles->words_before_operand();
  const OperandMaker maker(plan, input, tier);
  const RowComputer<T> computer(plan, epilogue, output, tier, tiles);
  const int64_t in_rows = plan.shape.in_height;
  const int64_t out_rows = plan.shape.out_height();

  // With images enough for all threads, each thread computes whole ones, whose operands stay in its cache.
  if (shape.batch >= parallel.threads) {
    parallel.run(shape.batch, [&](int64_t begin, int64_t end) {
      const SubnormalNumbers scope;
      const XnorTiles::Scope registers(tiles);
      const Scratch scratch(words_before + plan.operand_words());
      uint64_t* operand = scratch.data() + words_before;
      for (int64_t image = begin; image < end; ++image) {
        if (tiles != nullptr) {
          maker.make_planes(image, operand, 0, in_rows);
          if (plan.layout.patches) maker.make_patches(operand, 0, out_rows);
          tiles->expand_rows(operand, 0, tiles->operand_rows());
          const int64_t block = std::max<int64_t>(block_panels, computer.divisible_panels());
          for (int64_t panel = 0; panel < computer.panels(); panel += block) {
            for (int64_t y = 0; y < out_rows; ++y)
              computer.compute(image, operand, y, panel, std::min(panel + block, computer.panels()));
          }
          continue;
        }
        int64_t packed = 0;
        for (int64_t y = 0; y < out_rows; ++y) {
          const int64_t needed = std::max(packed, maker.rows_needed(y));
          maker.make_planes(image, operand, packed, needed);
          if (plan.layout.patches) maker.make_patches(operand, y, y + 1);
          packed = needed;
          computer.compute(image, operand, y, 0, computer.panels());
        }
      }
    });
    return;
  }

  // Otherwise they share an image, its rows and, where those are few, its panels.
  const Scratch scratch(words_before + plan.operand_words());
  uint64_t* operand = scratch.data() + words_before;
  const int64_t wanted_tasks = 4 * parallel.threads;
  const int64_t divisible =
      (computer.panels() + computer.divisible_panels() - 1) / computer.divisible_panels();
  const int64_t blocks = std::min(divisible, std::max<int64_t>(1, (wanted_tasks + out_rows - 1) / out_rows));
  const auto first_panel = [&](int64_t block) {
    return std::min(computer.panels(), block * divisible / blocks * computer.divisible_panels());
  };
  for (int64_t image = 0; image < shape.batch; ++image) {
    parallel.run(in_rows, [&](int64_t begin, int64_t end) {
      const SubnormalNumbers scope;
      maker.make_planes(image, operand, begin, end);
    });
    if (plan.layout.patches) {
      parallel.run(out_rows, [&](int64_t begin, int64_t end) { maker.make_patches(operand, begin, end); });
    }
    if (tiles != nullptr) {
      parallel.run(tiles->operand_rows(),
                   [&](int64_t begin, int64_t end) { tiles->expand_rows(operand, begin, end); });
    }
    parallel.run(out_rows * blocks, [&](int64_t begin, int64_t end) {
      const SubnormalNumbers scope;
      const XnorTiles::Scope registers(tiles);
      for (int64_t task = begin; task < end; ++task) {
        const int64_t block = task / out_rows;
        computer.compute(image, operand, task % out_rows, first_panel(block), first_panel(block + 1));
      }
    });
  }
}

#define KONES_INSTANTIATE(T)                                                                      \
  template void xnor_conv2d(const XnorInput&, const void*, const XnorShape&, const XnorEpilogue&, \
                            const XnorOutput<T>&, const Parallel&, CpuTier);
KONES_INSTANTIATE(float)
KONES_INSTANTIATE(Float16)
KONES_INSTANTIATE(BFloat16)
KONES_INSTANTIATE(int32_t)
#undef KONES_INSTANTIATE

}  // namespace kones::kernels
