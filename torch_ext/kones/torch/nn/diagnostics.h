// What quantized training does to weights and gradients, in numbers: the levels in use, the signs that flip,
// what the ends of a range cut off. Every function takes tensors of any shape, strides and device, and leaves
// them and their graphs alone. Throws c10::Error, which names the function and the argument.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kones/numeric/format.h"
#include "kones/torch/nn/weight_quantizer.h"

namespace kones::nn {

/// How often each level of a format occurs.
struct LevelHistogram {
  std::vector<double> levels;   ///< every level of the format, in real units, ascending
  std::vector<int64_t> counts;  ///< of each level
  int64_t others = 0;           ///< values that are no level, NaN among them

  /// How many levels do not occur.
  int64_t unused_levels() const;
};

/// The levels in `quantized`, float32, float16 or bfloat16 (a level that the narrow types cannot hold is
/// never met in them). `format` is one that has codes.
LevelHistogram level_histogram(const at::Tensor& quantized, const NumberFormat& format);

/// The share of elements, 0 to 1, whose sign differs between the quantized weights `before` and `after` a
/// step. Zero is a sign of its own: 0 to 1 and -1 to 0 are flips as -1 to 1 is, and -0 is 0. NaN counts as
/// zero. Tensors of one shape and device; of no elements: 0.
double sign_flip_rate(const at::Tensor& before, const at::Tensor& after);

/// The signs -1, 0 and 1 of the weights that `quantizer` rounds `latent` to, to nearest, as int8: a quarter
/// of the weights' memory, for sign_flip_rate after the step.
at::Tensor quantized_signs(const at::Tensor& latent, const WeightQuantizer& quantizer);

/// The share of latent weights, 0 to 1, that lie below the smallest or above the largest level of `format`,
/// which has codes: those that clip_latent_weights would move. NaN is among them.
double clipped_weight_share(const at::Tensor& latent, const NumberFormat& format);

/// The share of elements of `operand`, 0 to 1, outside [low, high], NaN among them. The gradient of a
/// quantizer with a range does not pass there: [-1, 1] for binarize and sign activations, from the smallest
/// to the largest level for fixed_point. Whether the gradient that arrives is zero anyway is not looked at.
double clipped_gradient_share(const at::Tensor& operand, double low, double high);

}  // namespace kones::nn
