// The weight of a layer: latent weights that the optimizer updates, and the quantizer that they go through.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "kones/numeric/rounding.h"
#include "kones/torch/nn/weight_quantizer.h"

namespace kones::nn {

/// How latent weights are drawn at first.
enum class Initialization {
  he,       ///< normal, variance 2 / fan-in (He, Zhang, Ren and Sun, 2015)
  uniform,  ///< uniform in [-1, 1] (BinaryConnect and BinaryNet)
};

/// A latent weight of shape [outputs, ...fan-in dimensions] and its quantizer. In evaluation mode weights are
/// rounded to nearest; in training mode as set_training_rounding says.
class QuantizedWeightImpl : public torch::nn::Module {
 public:
  QuantizedWeightImpl(at::IntArrayRef shape, WeightQuantizer quantizer);

  /// The weights to compute with, differentiable with respect to `latent`. In training on the CPU their
  /// memory is used again from one step to the next, once nothing else holds it: there is one copy of them
  /// beside the latent ones. In evaluation mode several threads may call it at once.
  at::Tensor forward();

  /// Draws the latent weights anew from LibTorch's generator.
  void initialize(Initialization initialization);

  /// How weights are rounded in training; `seed` chooses the random numbers of this layer.
  void set_training_rounding(Rounding rounding, uint64_t seed);

  /// The training step, which the random numbers of stochastic rounding depend on.
  void set_step(uint64_t step) {
    stream_.offset = step;
    prepared_ = {};
  }

  /// Clips the latent weights to a range; does nothing where it is infinite.
  void clip_latent(LatentRange range);

  /// sqrt((fan-in + fan-out) / 1.5), the factor on the learning rate without which latent weights in [-1, 1]
  /// flip too rarely (BinaryConnect: Courbariaux, Bengio and David, 2015, section 2.5).
  double learning_rate_scale() const;

  const WeightQuantizer& quantizer() const { return quantizer_; }

  at::Tensor latent;

 private:
  friend void quantize_weights(torch::nn::Module& module);

  Rounding current_rounding() const { return is_training() ? rounding_ : Rounding::nearest; }
  /// Whether the latent weights are such as quantize_all takes.
  bool is_plain() const;
  /// Memory for the quantized weights, which nothing else holds.
  at::Tensor take_memory();

  /// What quantize_weights made for the next forward, and of what.
  struct Prepared {
    at::Tensor quantized;
    const void* latent_data = nullptr;
    int64_t latent_version = 0;
    Rounding rounding = Rounding::nearest;
  };
  bool is_current(const Prepared& prepared) const;

  WeightQuantizer quantizer_;
  Rounding rounding_ = Rounding::nearest;
  RandomStream stream_;
  at::Tensor memory_;  ///< of the quantized weights
  Prepared prepared_;
};

TORCH_MODULE(QuantizedWeight);

/// Quantizes the weights of all layers in `module` that are in training mode together, for the next forward
/// of each: on CUDA in one launch a format instead of one a layer. A layer whose latent weights, step or
/// rounding change before its forward quantizes them anew; only changes in place that autograd does not see
/// (through .data) stay unnoticed.
void quantize_weights(torch::nn::Module& module);

/// Clips the latent weights of every layer in `module` to the range of its own level set: what a training
/// loop does after each step of the optimizer. A latent weight far outside would keep its level for as many
/// steps back.
void clip_latent_weights(torch::nn::Module& module);

}  // namespace kones::nn
