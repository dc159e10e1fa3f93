// Rows of a convolution of signs: where each panel's operands, parameters and results are, for the functions
// of a tier.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kones/kernels/cpu_tier.h"
#include "kones/kernels/tiers/xnor_conv2d.h"
#include "kones/kernels/xnor_plan.h"
#include "kones/kernels/xnor_tiles.h"

namespace kones::kernels {

/// The functions that `tier` uses.
const XnorTier& xnor_tier(CpuTier tier);

inline void compute_row(const XnorTier& tier, const XnorRow<float>& row) {
  tier.float32(row);
}
inline void compute_row(const XnorTier& tier, const XnorRow<Float16>& row) {
  tier.float16(row);
}
inline void compute_row(const XnorTier& tier, const XnorRow<BFloat16>& row) {
  tier.bfloat16(row);
}
inline void compute_row(const XnorTier& tier, const XnorRow<int32_t>& row) {
  tier.int32(row);
}

/// Which outputs a panel holds.
struct PanelPlace {
  int64_t group;
  int64_t output;  ///< the first
  int64_t outputs;
};

/// By panels: [groups][panels].
std::vector<PanelPlace> panel_places(const XnorPlan& plan);

/// The epilogue's parameters by panels: [groups][panels].
std::vector<XnorPanel> make_panels(const std::vector<PanelPlace>& places, const XnorEpilogue& epilogue,
                                   const float* sign_threshold, const XnorThresholds& thresholds);

/// Computes rows of outputs of images whose operands there are.
template <typename T>
class RowComputer {
 public:
  /// `tiles` is null in a tier that counts bits.
  RowComputer(const XnorPlan& plan, const XnorEpilogue& epilogue, const XnorOutput<T>& output, CpuTier tier,
              const XnorTiles* tiles)
      : plan_(plan),
        output_(output),
        tier_(xnor_tier(tier)),
        tiles_(tiles),
        places_(panel_places(plan)),
        panels_(make_panels(places_, epilogue, output.sign_threshold, output.thresholds)),
        activation_(epilogue.activation),
        is_plain_(output.residual == nullptr && activation_ == XnorActivation::none &&
                  epilogue.shift == nullptr && output.words == nullptr) {}

  /// Panels, counted through the groups, that different threads may compute for a pixel at once: the sign
  /// bits of one word belong to one thread.
  int64_t divisible_panels() const {
    if (output_.words == nullptr) return tiles_ == nullptr ? 1 : block_panels;
    const int64_t panels_of_word = 64 / xnor_panel;
    const bool aligned = plan_.shape.groups == 1 || plan_.shape.group_out_channels() % 64 == 0;
    return aligned ? panels_of_word : static_cast<int64_t>(panels_.size());
  }
  int64_t panels() const { return static_cast<int64_t>(panels_.size()); }

  void compute(int64_t image, const uint64_t* operand, int64_t y, int64_t begin_panel,
               int64_t end_panel) const {
    const XnorShape& shape = plan_.shape;
    const XnorPrepackedLayout& layout = plan_.layout;
    const int64_t row_class = plan_.rows.of_output[y];
    const TapRange taps = plan_.rows.distinct[row_class];
    const int64_t first_pixel = y * shape.out_width();
    const int64_t tap_row_words = layout.patches ? 0 : shape.kernel_width * shape.group_words();
    const int64_t skipped_words = taps.begin * tap_row_words;

    XnorRow<T> row = {};
    row.pixels = shape.out_width();
    row.offsets = plan_.offsets.data();
    row.words = layout.patches ? layout.words : (taps.end - taps.begin) * tap_row_words;
    row.pixel_stride = layout.patches ? layout.words : shape.stride_width * shape.group_words();
    row.column_sums = plan_.column_sums.data();
    row.activation = activation_;
    row.is_plain = is_plain_;
    row.value_pixel_stride = output_.pixel_stride;
    row.value_channel_stride = output_.channel_stride;
    row.word_stride = (shape.out_channels + 63) / 64;
    row.from_sums = output_.thresholds.threshold != nullptr;
    const int64_t first_row =
        y * shape.stride_height - shape.padding_height + taps.begin * shape.dilation_height;
    const int64_t sums_of_class = row_class * static_cast<int64_t>(plan_.columns.distinct.size()) *
                                  shape.groups * layout.padded_outputs();
    const int64_t first_value = image * output_.batch_stride + first_pixel * output_.pixel_stride;
    uint64_t* row_words =
        output_.words + (image * shape.out_height() * row.pixels + first_pixel) * row.word_stride;
    if (output_.words != nullptr) clear_words(row_words, row, begin_panel, end_panel);

    const auto finish = [this](const XnorRow<T>& part) { compute_row(tier_, part); };
    XnorRow<T> block[block_panels];  // what tiles are yet to multiply
    int count = 0;
    for (int64_t panel = begin_panel; panel < end_panel; ++panel) {
      const auto [group, o, outputs] = places_[panel];
      row.outputs = outputs;
      row.activations =
          operand + (layout.patches   ? group * plan_.patch_words() + first_pixel * layout.words
                     : row.words == 0 ? 0
                                      : plan_.plane_offset(group) + first_row * plan_.plane_row_words() +
                                            plan_.first_column_words());
      row.weights = plan_.weights + 2 * (panel * layout.words + skipped_words) * xnor_panel;
      row.first_sums = plan_.first_sums.data() + sums_of_class + panel * xnor_panel;
      row.panel = &panels_[panel];
      const int64_t offset = first_value + o * output_.channel_stride;
      if (output_.values != nullptr) row.values = output_.values + offset;
      if (output_.residual != nullptr) row.residual = output_.residual + offset;
      if (output_.words != nullptr) {
        row.sign_words = row_words + o / 64;
        row.first_bit = static_cast<int>(o % 64);
      }
      if (tiles_ == nullptr) {
        compute_columns(row, finish);
        continue;
      }
      compute_columns(row, [&](const XnorRow<T>& part) {
        if (part.words == 0) {
          finish(XnorTiles::without_products(part));
        } else {
          block[count++] = part;
        }
      });
      const bool is_last = panel + 1 == end_panel || places_[panel + 1].group != group;
      if (count < block_panels && !is_last) continue;
      if (count > 0) tiles_->compute(operand, block, count, finish);
      count = 0;
    }
  }

 private:
  /// compute(part) for a row of all columns; those whose taps are all outside have no words to count.
  template <typename Compute>
  void compute_columns(const XnorRow<T>& row, const Compute& compute) const {
    const int64_t begin = plan_.layout.patches ? 0 : plan_.first_column;
    const int64_t end = plan_.layout.patches ? row.pixels : plan_.end_column;
    if (end - begin == row.pixels) return compute(row);
    const auto compute_part = [&](int64_t first, int64_t last, int64_t words) {
      XnorRow<T> part = row;
      part.pixels = last - first;
      part.words = words;
      part.column_sums += first;
      if (part.values != nullptr) part.values += first * row.value_pixel_stride;
      if (part.residual != nullptr) part.residual += first * row.value_pixel_stride;
      if (part.sign_words != nullptr) part.sign_words += first * row.word_stride;
      if (first < last) compute(part);
    };
    compute_part(0, begin, 0);
    compute_part(begin, end, row.words);
    compute_part(end, row.pixels, 0);
  }

  /// Zeroes the words of a row that the panels' bits go to.
  void clear_words(uint64_t* words, const XnorRow<T>& row, int64_t begin_panel, int64_t end_panel) const {
    const int64_t begin = places_[begin_panel].output / 64;
    const int64_t end = end_panel == panels() ? row.word_stride : places_[end_panel].output / 64;
    if (end - begin == row.word_stride) {
      std::fill_n(words, row.pixels * row.word_stride, 0);
      return;
    }
    for (int64_t pixel = 0; pixel < row.pixels; ++pixel)
      std::fill(words + pixel * row.word_stride + begin, words + pixel * row.word_stride + end, 0);
  }

  const XnorPlan& plan_;
  const XnorOutput<T>& output_;
  const XnorTier& tier_;
  const XnorTiles* tiles_;
  std::vector<PanelPlace> places_;
  std::vector<XnorPanel> panels_;
  XnorActivation activation_;
  bool is_plain_;
};

}  // namespace kones::kernels
