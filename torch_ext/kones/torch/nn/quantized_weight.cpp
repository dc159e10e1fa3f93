#include "kones/torch/nn/quantized_weight.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <torch/torch.h>

#include "kones/torch/ops/quantize_all.h"

namespace kones::nn {

QuantizedWeightImpl::QuantizedWeightImpl(at::IntArrayRef shape, WeightQuantizer quantizer)
    : latent(register_parameter("latent", torch::empty(shape))), quantizer_(std::move(quantizer)) {
  initialize(Initialization::he);
}

at::Tensor QuantizedWeightImpl::forward() {
  if (!is_plain()) return quantizer_.quantize(latent, current_rounding(), stream_);
  at::Tensor quantized = std::exchange(prepared_, at::Tensor());
  const bool current = prepared_version_ == latent._version() && prepared_rounding_ == current_rounding();
  if (!quantized.defined() || !current) {
    quantized = take_memory();
    torch::NoGradGuard no_gradient;
    quantize_all({latent}, {quantized}, *quantizer_.format, current_rounding(), {stream_.seed},
                 stream_.offset);
  }
  return quantizer_.with_gradient(latent, quantized);
}

bool QuantizedWeightImpl::is_plain() const {
  return quantizer_.format && latent.scalar_type() == at::kFloat && latent.is_contiguous() &&
         !latent.is_meta();
}

at::Tensor QuantizedWeightImpl::take_memory() {
  const bool fits =
      memory_.defined() && memory_.numel() == latent.numel() && memory_.device() == latent.device();
  if (!fits || memory_.storage().use_count() > 1)
    memory_ = at::empty_like(latent, latent.options().requires_grad(false));
  // Another tensor over the same memory: while it lives, the count above says so.
  return memory_.detach();
}

void quantize_weights(torch::nn::Module& module) {
  torch::NoGradGuard no_gradient;
  struct Group {
    NumberFormat format;
    Rounding rounding;
    uint64_t offset;
    at::Device device;
    std::vector<at::Tensor> latent;
    std::vector<at::Tensor> quantized;
    std::vector<uint64_t> seeds;
  };
  std::vector<Group> groups;
  module.apply([&groups](torch::nn::Module& part) {
    auto* weight = part.as<QuantizedWeightImpl>();
    if (weight == nullptr || !weight->is_plain()) return;
    const Group wanted = {*weight->quantizer_.format,
                          weight->current_rounding(),
                          weight->stream_.offset,
                          weight->latent.device(),
                          {},
                          {},
                          {}};
    auto group = std::find_if(groups.begin(), groups.end(), [&wanted](const Group& g) {
      return g.format == wanted.format && g.rounding == wanted.rounding && g.offset == wanted.offset &&
             g.device == wanted.device;
    });
    if (group == groups.end()) group = groups.insert(groups.end(), wanted);
    weight->prepared_.reset();
    weight->prepared_ = weight->take_memory();
    weight->prepared_version_ = weight->latent._version();
    weight->prepared_rounding_ = wanted.rounding;
    group->latent.push_back(weight->latent);
    group->quantized.push_back(weight->prepared_);
    group->seeds.push_back(weight->stream_.seed);
  });
  for (const Group& group : groups) {
    quantize_all(group.latent, group.quantized, group.format, group.rounding, group.seeds, group.offset);
  }
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
  prepared_.reset();
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
