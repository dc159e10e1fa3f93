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

/// A weight format, or none for float32 weights.
struct WeightQuantizer {
  std::optional<NumberFormat> format;

  /// The weights of `latent` (float32, any shape): each rounded to a level of the format. The
  /// straight-through gradient goes to `latent`. Without a format, `latent` itself.
  at::Tensor quantize(const at::Tensor& latent, Rounding rounding, RandomStream stream) const;

  /// `quantized`, the weights of `latent` that another quantization made, with the same gradient to `latent`.
  at::Tensor with_gradient(const at::Tensor& latent, const at::Tensor& quantized) const;

  /// From the smallest level to the largest: what latent weights are clipped to by default. Infinite without
  /// a format.
  LatentRange range() const;

  /// For people: the format's name, or "float32".
  std::string name() const;
};

}  // namespace kones::nn
