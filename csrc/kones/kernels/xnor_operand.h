// The operand of a convolution of signs: planes and patches of words (kones/kernels/xnor_plan.h).
#pragma once

#include <cstdint>

#include "kones/kernels/tiers/signs.h"
#include "kones/kernels/xnor_conv2d.h"
#include "kones/kernels/xnor_plan.h"

namespace kones::kernels {

/// Adds the lowest `count` bits of `bits` to the string of bits that ends at bit `end` of `words`, which are
/// 0 from there on.
inline void append_bits(uint64_t* words, int64_t& end, uint64_t bits, int64_t count) {
  const int64_t shift = end % 64;
  words[end / 64] |= bits << shift;
  if (shift + count > 64) words[end / 64 + 1] |= bits >> (64 - shift);
  end += count;
}

/// Makes operands of images.
class OperandMaker {
 public:
  OperandMaker(const XnorPlan& plan, const XnorInput& input, CpuTier tier)
      : plan_(plan), input_(input), signs_(sign_tier(tier)) {}

  /// Rows begin .. end - 1 of the planes of all groups.
  void make_planes(int64_t image, uint64_t* operand, int64_t begin, int64_t end) const;

  /// How many of an image's first rows output row y needs.
  int64_t rows_needed(int64_t y) const;

  /// Rows begin .. end - 1 of output pixels, from the planes.
  void make_patches(uint64_t* operand, int64_t begin, int64_t end) const;

 private:
  void pack_row(int64_t image, int64_t group, int64_t first_pixel, uint64_t* to) const;
  template <typename T>
  void pack(const SignFunctions<T>& functions, int64_t element, uint64_t* to) const;
  void make_patch_row(const uint64_t* plane, int64_t y, uint64_t* patches) const;
  /// Adds the signs of a row of the kernel, which one word holds, to each patch of a row: the word of the
  /// next pixel is that of the last one without its first pixels.
  void append_runs(const uint64_t* from, int64_t first_bit, uint64_t* patches) const;

  const XnorPlan& plan_;
  const XnorInput& input_;
  const SignTier& signs_;
};

}  // namespace kones::kernels
