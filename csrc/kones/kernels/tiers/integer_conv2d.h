// What each tier provides for convolutions of integers (kones/kernels/integer_conv2d.h).
#pragma once

#include <cstdint>

namespace kones::kernels {

/// Outputs of a vector of weights: weights and constants are padded to it.
inline constexpr int integer_vector = 16;
/// Bytes of activations that are multiplied at a time: four uint8, two int16 or one int32.
inline constexpr int integer_step = 4;

/// Some output pixels and one panel of output channels. Step k of pixel p multiplies the activations at
/// activations + pixel_offsets[p] + step_offsets[k], integer_step bytes, by weights[(k * vectors *
/// integer_vector + o) * integer_step ..] of output o.
template <typename Sum>
struct IntegerRows {
  const uint8_t* activations;
  const int64_t* pixel_offsets;
  int64_t pixels;
  const int64_t* step_offsets;
  int64_t steps;  ///< at least 1
  const int8_t* weights;
  int vectors;
  int64_t outputs;  ///< of the panel, (vectors - 1) * integer_vector + 1 to vectors * integer_vector

  /// The result is the sum of products times scale[o], plus first_sums[o] or, if that is null, what is there.
  const int32_t* scale;
  const Sum* first_sums;
  Sum* sums;  ///< output o of pixel p at sums[p * sum_stride + o]
  int64_t sum_stride;
};

struct IntegerTier {
  int max_vectors;  ///< of a panel; of words, 1
  /// Activations of uint8 and weights of int8; null in a tier that multiplies int16 as fast.
  void (*bytes)(const IntegerRows<int32_t>& rows);
  void (*halves)(const IntegerRows<int32_t>& rows);  ///< both of int16
  void (*words)(const IntegerRows<int64_t>& rows);   ///< both of int32
};

extern const IntegerTier integer_scalar;
extern const IntegerTier integer_avx2;
extern const IntegerTier integer_avx512;
extern const IntegerTier integer_avx512_vnni;

}  // namespace kones::kernels
