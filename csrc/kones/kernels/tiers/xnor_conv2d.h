// What each tier provides for convolutions of signs (kones/kernels/xnor_conv2d.h).
#pragma once

#include <cstdint>

#include "kones/numeric/float16.h"
#include "kones/numeric/xnor_conv2d.h"

namespace kones::kernels {

/// Output channels that are computed together; weights and parameters are padded to it.
inline constexpr int xnor_panel = 16;

/// The epilogue's parameters for the outputs of a panel, with values that change nothing where there are
/// none.
struct XnorPanel {
  alignas(64) float scale[xnor_panel];
  alignas(64) float bias[xnor_panel];
  alignas(64) float slope[xnor_panel];
  alignas(64) float shift[xnor_panel];
  alignas(64) float sign_threshold[xnor_panel];
  alignas(64) int32_t threshold[xnor_panel];
  uint32_t flipped;  ///< bit o
};

/// One row of output pixels and one panel of output channels: their sums, and the sign bits.
struct XnorRowSums {
  int64_t pixels;

  // Word k of pixel p is activations[p * pixel_stride + offsets[k]]; its low half and its high half belong to
  // weights[2 * k * xnor_panel + o] and weights[(2 * k + 1) * xnor_panel + o] of output o: counts of 32 bits
  // are thus neighbours. The functions of amx_int8 get int32 sums of products instead, output o of pixel p at
  // number o of the pixel's words.
  const uint64_t* activations;
  int64_t pixel_stride;
  const int64_t* offsets;
  int64_t words;
  const uint32_t* weights;

  /// The sum of pixel p and output o is first_sums[column_sums[p] + o] - 2 * (bits that differ).
  const int32_t* first_sums;
  const int64_t* column_sums;

  const XnorPanel* panel;
  int64_t outputs;  ///< of the panel, 1 to xnor_panel

  /// The word with the panel's first bit, the row's others are word_stride apart; 0 before.
  uint64_t* sign_words;
  int64_t word_stride;
  int first_bit;
  bool from_sums;  ///< sign_words are what `threshold` and `flipped` say
};

/// And the values.
template <typename T>
struct XnorRow : XnorRowSums {
  XnorActivation activation;
  bool is_plain;  ///< neither residual, activation, shift nor words

  /// As in XnorOutput, for the row's first pixel and the panel's first output.
  T* values;
  const T* residual;
  int64_t value_pixel_stride;
  int64_t value_channel_stride;
};

struct XnorTier {
  void (*float32)(const XnorRow<float>& row);
  void (*float16)(const XnorRow<Float16>& row);
  void (*bfloat16)(const XnorRow<BFloat16>& row);
  void (*int32)(const XnorRow<int32_t>& row);
};

extern const XnorTier xnor_scalar;
extern const XnorTier xnor_avx2;
extern const XnorTier xnor_avx512;
extern const XnorTier xnor_avx512_vpopcntdq;
extern const XnorTier xnor_amx_int8;

}  // namespace kones::kernels
