// TTQ: ternary weights with a trained scale for each sign (Zhu, Han, Mao and Dally, "Trained Ternary
// Quantization", ICLR 2017, section 3).
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "kones/torch/quantizers/scale.h"

namespace kones::quantizers {

/// +positive where w > threshold, -negative where w < -threshold, else 0. w is float32, float16
/// or bfloat16 of any shape; the result has its type (the two small ones are computed in float32 and rounded
/// at the end). threshold, positive and negative are float32 of one element, or [C] for C channels. NaN in w
/// stays NaN; where the threshold is NaN, all is.
///
/// Gradients, g of the result: to positive, the sum of g over w > threshold; to negative,
/// minus the sum of g over w < -threshold (as -negative is what stands there), both in float64; to w,
/// positive g, 1 g or negative g, by where w is. None to threshold. A byte an element is kept for them, not
/// w. Throws c10::Error.
at::Tensor ttq(const at::Tensor& w, const at::Tensor& threshold, const at::Tensor& positive,
               const at::Tensor& negative, ChannelDimension channels = {});

/// The threshold t max |w| of each group, float32, shape [] or [C]. t is 0 to 1. An infinity in
/// w makes it infinite.
at::Tensor ttq_threshold(const at::Tensor& w, double t, ChannelDimension channels = {});

/// The threshold at which a share of 0 to 1 of each group's weights is zero (as
/// published for ImageNet, where the sparsity is constant): the magnitude of the weight of rank floor(share *
/// weights), or 0 for rank 0. More are zero only where magnitudes are equal. Float32, shape [] or [C].
at::Tensor ttq_threshold_for_zeros(const at::Tensor& w, double share, ChannelDimension channels = {});

struct TtqOptions {
  double t = 0.05;  ///< threshold over max |w|, as published for CIFAR-10
  /// If given, the share of zeros, instead of t.
  std::optional<double> zeros;
  ChannelDimension channels;  ///< one pair of scales for the whole tensor as published, or a channel
};

/// TTQ with its scales, which the optimizer trains as it trains weights. The threshold follows w.
class TtqImpl : public torch::nn::Module {
 public:
  /// One pair of scales, or `channel_count` of them if options.channels is given, all 1. Throws c10::Error.
  explicit TtqImpl(TtqOptions options = {}, int64_t channel_count = 0);

  /// Sets each scale to the mean magnitude of the weights that it will stand for, so that a trained float
  /// network begins close to itself; 0 for a sign that no weight has.
  void initialize(const at::Tensor& w);

  at::Tensor forward(const at::Tensor& w) const;

  at::Tensor threshold(const at::Tensor& w) const;
  const TtqOptions& options() const { return options_; }

  at::Tensor positive;  ///< parameter, float32, shape [] or [C]
  at::Tensor negative;  ///< parameter, float32, shape [] or [C]; stored positive

 private:
  TtqOptions options_;
};

TORCH_MODULE(Ttq);

}  // namespace kones::quantizers
