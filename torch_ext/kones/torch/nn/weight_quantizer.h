// What turns a layer's latent weights into the weights that it computes with.
#pragma once

#include <optional>
#include <string>

#include <ATen/core/Tensor.h>

#include "kones/numeric/format.h"
#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"

namespace kones::nn {

/// Where latent weights are kept, ends included.
struct LatentRange {
  double low;
  double high;
};

/// A weight format, or none for float32 weights. A weight is level * 2^-fraction_bits * scale; the scale is 1
/// but for ternary weights, which are those of TWN (quantizers/twn.h): threshold and scale are one of a layer
/// each.
struct WeightQuantizer {
  std::optional<NumberFormat> format;

  /// The weights of `latent` (float32, any shape): each rounded to a level of the format. The
  /// straight-through gradient goes to `latent`. Without a format, `latent` itself.
  at::Tensor quantize(const at::Tensor& latent, Rounding rounding, RandomStream stream) const;

  /// `quantized`, the weights of `latent` that another quantization made, with the same gradient to `latent`.
  at::Tensor with_gradient(const at::Tensor& latent, const at::Tensor& quantized) const;

  /// The scale of the weights of `latent`; 1 where all of them are 0.
  double scale(const at::Tensor& latent) const;

  /// `latent` rounded to nearest, as level * 2^-fraction_bits: without its scale. No gradient flows.
  at::Tensor unscaled(const at::Tensor& latent) const;

  /// Whether a weight depends on its own latent weight alone, so that any part of a layer's can be quantized.
  bool is_elementwise() const { return !format || format->family != FormatFamily::ternary; }

  /// From the smallest level to the largest: what latent weights are clipped to by default. Infinite without
  /// a format.
  LatentRange range() const;

  /// For people: the format's name, or "float32".
  std::string name() const;
};

}  // namespace kones::nn
