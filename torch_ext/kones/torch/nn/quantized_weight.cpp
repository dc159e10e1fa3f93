#include "kones/torch/nn/quantized_weight.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <c10/core/InferenceMode.h>
#include <torch/torch.h>

#include "kones/torch/ops/clamp.h"
#include "kones/torch/ops/quantize_all.h"

namespace kones::nn {

QuantizedWeightImpl::QuantizedWeightImpl(at::IntArrayRef shape, WeightQuantizer quantizer)
    : latent(register_parameter("latent", torch::empty(shape))), quantizer_(std::move(quantizer)) {
  initialize(Initialization::he);
}

at::Tensor QuantizedWeightImpl::forward() {
  if (!is_plain()) return quantizer_.quantize(latent, current_rounding(), stream_);
  at::Tensor quantized;
  if (is_training()) {
    const Prepared prepared = std::exchange(prepared_, {});
    if (is_current(prepared)) quantized = prepared.quantized;
  }
  if (!quantized.defined()) {
    quantized = take_memory();
    torch::NoGradGuard no_gradient;
    quantize_all({latent}, {quantized}, *quantizer_.format, current_rounding(), {stream_.seed},
                 stream_.offset);
  }
  return quantizer_.with_gradient(latent, quantized);
}

bool QuantizedWeightImpl::is_plain() const {
  return quantizer_.format && quantizer_.is_elementwise() && latent.scalar_type() == at::kFloat &&
         latent.is_contiguous() && !latent.is_meta();
}

bool QuantizedWeightImpl::is_current(const Prepared& prepared) const {
  return prepared.quantized.defined() && prepared.latent_data == latent.const_data_ptr() &&
         prepared.latent_version == latent._version() && prepared.rounding == current_rounding();
}

at::Tensor QuantizedWeightImpl::take_memory() {
  // CUDA's allocator has memory at hand, and knows the streams that use it; threads that evaluate share a
  // layer; and tensors of inference mode can't be used outside.
  const bool reused = is_training() && latent.is_cpu() && !c10::InferenceMode::is_enabled();
  if (!reused) return at::empty_like(latent, latent.options().requires_grad(false));
  if (!memory_.defined() || memory_.numel() != latent.numel() || memory_.storage().use_count() > 1) {
    memory_ = at::empty_like(latent, latent.options().requires_grad(false));
  }
  // Another tensor over the same memory: while it lives, the count above says so.
  return memory_.detach();
}

void quantize_weights(torch::nn::Module& module) {
  torch::NoGradGuard no_gradient;
  struct Group {
    std::vector<QuantizedWeightImpl*> weights;
    std::vector<at::Tensor> latent;
    std::vector<at::Tensor> quantized;
    std::vector<uint64_t> seeds;
  };
  std::vector<Group> groups;
  module.apply([&groups](torch::nn::Module& part) {
    auto* weight = part.as<QuantizedWeightImpl>();
    if (weight == nullptr || !weight->is_plain() || !weight->is_training()) return;
    weight->prepared_ = {};
    auto group = std::find_if(groups.begin(), groups.end(), [weight](const Group& g) {
      const QuantizedWeightImpl& other = *g.weights.front();
      return *other.quantizer_.format == *weight->quantizer_.format && other.rounding_ == weight->rounding_ &&
             other.stream_.offset == weight->stream_.offset &&
             other.latent.device() == weight->latent.device();
    });
    if (group == groups.end()) group = groups.emplace(groups.end());
    group->weights.push_back(weight);
    group->latent.push_back(weight->latent);
    group->quantized.push_back(weight->take_memory());
    group->seeds.push_back(weight->stream_.seed);
  });
  for (const Group& group : groups) {
    const QuantizedWeightImpl& first = *group.weights.front();
    quantize_all(group.latent, group.quantized, *first.quantizer_.format, first.rounding_, group.seeds,
                 first.stream_.offset);
    for (std::size_t i = 0; i < group.weights.size(); ++i) {
      QuantizedWeightImpl& weight = *group.weights[i];
      weight.prepared_ = {group.quantized[i], weight.latent.const_data_ptr(), weight.latent._version(),
                          weight.rounding_};
    }
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
  prepared_ = {};
}

void QuantizedWeightImpl::clip_latent(LatentRange range) {
  if (std::isinf(range.high)) return;
  torch::NoGradGuard no_gradient;
  clamp_(latent, range.low, range.high);
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
