#include "kones/torch/exporting/own_signs.h"

#include <torch/torch.h>

namespace kones {

OwnSigns::OwnSigns(const TrainedNetwork& trained) {
  const torch::NoGradGuard no_gradient;
  const Network& own = trained.network;
  // Weights that are quantized already, and operators that take float64.
  network_ = Network(own->topology(), Method{own->method().name, {}, own->method().activation, ""});
  for (size_t i = 0; i < own->blocks().size(); ++i) {
    const Block& from = own->blocks()[i];
    const Block& to = network_->blocks()[i];
    const nn::QuantizedWeight weight = from.weight();
    to.weight()->latent.copy_(weight->quantizer().quantize(weight->latent, Rounding::nearest, {}));
    to.norm_weight().copy_(from.norm_weight());
    to.norm_bias().copy_(from.norm_bias());
    to.norm_mean().copy_(from.norm_mean());
    to.norm_variance().copy_(from.norm_variance());
  }
  network_->to(torch::kFloat64);
  network_->eval();
}

std::map<std::string, at::Tensor> OwnSigns::signs(const at::Tensor& pictures) const {
  const torch::NoGradGuard no_gradient;
  std::map<std::string, at::Tensor> result;
  Network network = network_;
  network->observed_forward(
      (pictures.to(torch::kFloat64) * 2 - 255) / 255, [&result](const Block& block, const at::Tensor& y) {
        if (!block.activation.is_empty() && block.activation->kind() == nn::ActivationKind::sign)
          result[block.name] = y;
      });
  return result;
}

}  // namespace kones
