// How a convolution of signs is laid out in memory, and what its borders are.
//
// The operand of an image is, for each group, a plane of words [in_height][plane_width][group_words], with
// the padding to its left and right as zero words; the kernel's rows that lie above or below it are skipped.
// Where a pixel's signs would leave most of a word empty, it is instead the patch of each output pixel,
// [out_height * out_width][words], its signs one after another.
#pragma once

#include <cstdint>
#include <vector>

#include "kones/kernels/tiers/xnor_conv2d.h"
#include "kones/numeric/xnor_conv2d.h"

namespace kones::kernels {

/// Where the parts of prepacked weights are, in bytes. After the header, tap_counts: int32
/// [groups][taps][padded outputs], the -1 in each tap; then halves of words, low ones first: uint32_t
/// [groups][panels][words][2][xnor_panel].
struct XnorPrepackedLayout {
  explicit XnorPrepackedLayout(const XnorShape& shape);

  bool patches;    ///< whether signs are packed across taps
  int64_t words;   ///< words of a sum
  int64_t panels;  ///< of a group
  int64_t tap_counts;
  int64_t weights;

  int64_t padded_outputs() const { return panels * xnor_panel; }
};

/// What prepacked weights begin with: by it other bytes are told from them.
struct XnorPrepackedHeader {
  static constexpr uint64_t expected_magic = 0x33524F4E58534E4B;  // "KNSXNOR3" in little-endian order

  uint64_t magic = expected_magic;
  int64_t out_channels = 0;
  int64_t group_in_channels = 0;
  int64_t kernel_height = 0;
  int64_t kernel_width = 0;
  int64_t groups = 0;
  int64_t unused[2] = {0, 0};

  static XnorPrepackedHeader of(const XnorShape& shape);
};

/// The taps of a kernel along one axis that meet real pixels: begin .. end - 1.
struct TapRange {
  int64_t begin;
  int64_t end;
  bool operator==(const TapRange& other) const { return begin == other.begin && end == other.end; }
};

/// The tap ranges of an axis: each output's, as a number into the distinct ones.
struct AxisTaps {
  AxisTaps(int64_t outputs, int64_t stride, int64_t padding, int64_t dilation, int64_t taps, int64_t size);

  std::vector<TapRange> distinct;
  std::vector<int32_t> of_output;
};

struct XnorPlan {
  /// A 1x1 kernel without stride and padding makes one row of its image, which tiles fill better.
  XnorPlan(const XnorShape& shape, const void* prepacked);

  int64_t plane_width() const { return left_padding + shape.in_width + right_padding; }
  /// Where in a plane's row first_column begins.
  int64_t first_column_words() const {
    return (first_column * shape.stride_width - shape.padding_width + left_padding) * shape.group_words();
  }
  int64_t plane_row_words() const { return plane_width() * shape.group_words(); }
  /// Words of one group's plane, and of its patches where there are any.
  int64_t plane_words() const { return shape.in_height * plane_row_words(); }
  int64_t patch_words() const {
    return layout.patches ? shape.out_height() * shape.out_width() * layout.words : 0;
  }
  /// Words of an image's operand: the patches of all groups, then their planes.
  int64_t operand_words() const { return shape.groups * (patch_words() + plane_words()); }
  int64_t plane_offset(int64_t group) const { return shape.groups * patch_words() + group * plane_words(); }

  XnorShape shape;
  XnorPrepackedLayout layout;
  const int32_t* tap_counts;
  const uint32_t* weights;
  AxisTaps rows;
  AxisTaps columns;
  /// The outputs of a row with at least one real column of taps; other sums are 0.
  int64_t first_column = 0;
  int64_t end_column = 0;
  /// Of a plane: what those outputs reach of the padding, however wide it is.
  int64_t left_padding = 0;
  int64_t right_padding = 0;
  /// Where each word of a sum is, from the first real row of the kernel and the left of the plane, or in the
  /// patch.
  std::vector<int64_t> offsets;
  /// [rows.distinct][columns.distinct][groups][padded outputs]: what is added to -2 * (bits that differ). It
  /// holds the number of real products, and takes back what the padding's words count, whose bits are those
  /// of +1.
  std::vector<int32_t> first_sums;
  std::vector<int64_t> column_sums;  ///< where those of a column of outputs begin
};

}  // namespace kones::kernels
