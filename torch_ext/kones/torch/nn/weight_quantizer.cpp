#include "kones/torch/nn/weight_quantizer.h"

#include <cmath>
#include <limits>

#include "kones/torch/ops/binarize.h"
#include "kones/torch/ops/k_ones.h"

namespace kones::nn {

at::Tensor WeightQuantizer::quantize(const at::Tensor& latent, Rounding rounding, RandomStream stream) const {
  if (!format) return latent;
  const auto seed = static_cast<int64_t>(stream.seed);
  const auto offset = static_cast<int64_t>(stream.offset);
  switch (format->family) {
    case FormatFamily::k_ones:
      return k_ones(latent, format->terms, format->max_shift, rounding_name(rounding), seed, offset);
    case FormatFamily::binary:
      return binarize(latent, rounding_name(rounding), seed, offset);
  }
  TORCH_CHECK(false, "no operator quantizes weights to ", format->name());
}

double WeightQuantizer::range() const {
  if (!format) return std::numeric_limits<double>::infinity();
  return std::ldexp(static_cast<double>(format->max_level()), -format->fraction_bits());
}

std::string WeightQuantizer::name() const {
  return format ? format->name() : "float32";
}

}  // namespace kones::nn
