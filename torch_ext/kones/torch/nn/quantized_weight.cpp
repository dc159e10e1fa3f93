#include "kones/torch/nn/quantized_weight.h"

#include <cmath>

#include <torch/torch.h>

namespace kones::nn {

QuantizedWeightImpl::QuantizedWeightImpl(at::IntArrayRef shape, WeightQuantizer quantizer)
    : latent(register_parameter("latent", torch::empty(shape))), quantizer_(std::move(quantizer)) {
  initialize(Initialization::he);
}

at::Tensor QuantizedWeightImpl::forward() const {
  return quantizer_.quantize(latent, is_training() ? rounding_ : Rounding::nearest, stream_);
}

void QuantizedWeightImpl::initialize(Initialization initialization) {
  torch::NoGradGuard no_gradient;
  switch (initialization) {
    case Initialization::he:
      latent.normal_(0.0, std::sqrt(2.0 / static_cast<double>(latent[0].numel())));
      break;
    case Initialization::uniform:
      latent.uniform_(-1.0, 1.0);
      break;
  }
}

void QuantizedWeightImpl::set_training_rounding(Rounding rounding, uint64_t seed) {
  rounding_ = rounding;
  stream_.seed = seed;
}

void QuantizedWeightImpl::clip_latent(double limit) {
  if (std::isinf(limit)) return;
  torch::NoGradGuard no_gradient;
  latent.clamp_(-limit, limit);
}

void clip_latent_weights(torch::nn::Module& module) {
  module.apply([](torch::nn::Module& part) {
    if (auto* weight = part.as<QuantizedWeightImpl>()) weight->clip_latent(weight->quantizer().range());
  });
}

double QuantizedWeightImpl::learning_rate_scale() const {
  const double fan_in = static_cast<double>(latent[0].numel());
  const double fan_out = static_cast<double>(latent.numel() / latent.size(1));
  return std::sqrt((fan_in + fan_out) / 1.5);
}

}  // namespace kones::nn
