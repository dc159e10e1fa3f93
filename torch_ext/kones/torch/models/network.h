// A network built from a topology and a method.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/pimpl.h>

#include "kones/torch/methods/method.h"
#include "kones/torch/models/topology.h"
#include "kones/torch/nn/activation.h"
#include "kones/torch/nn/quantized_conv2d.h"
#include "kones/torch/nn/quantized_linear.h"

namespace kones {

/// One weight layer with its pooling, batch norm and activation.
struct Block {
  std::string name;  ///< "conv1", "linear3": kind and place, from 1
  LayerShape shape;
  nn::QuantizedConv2d conv{nullptr};    ///< null in a linear block
  nn::QuantizedLinear linear{nullptr};  ///< null in a convolution block
  torch::nn::BatchNorm2d norm2d{nullptr};
  torch::nn::BatchNorm1d norm1d{nullptr};
  nn::Activation activation{nullptr};  ///< null in the last block, and where its shape has none

  nn::QuantizedWeight weight() const { return conv.is_empty() ? linear->weight : conv->weight; }
  /// The batch norm's parameters and statistics, whatever its dimension.
  torch::nn::BatchNormOptions norm_options() const;
  at::Tensor norm_weight() const;
  at::Tensor norm_bias() const;
  at::Tensor norm_mean() const;
  at::Tensor norm_variance() const;
  at::Tensor norm_batch_count() const;
};

/// Input: float32 [batch, channels, height, width], the bytes b of the pictures as (2 b - 255) / 255. Output:
/// float32 [batch, classes]. Batch norm: epsilon 1e-4, momentum 0.1, as in BinaryNet.
class NetworkImpl : public torch::nn::Module {
 public:
  /// With `activation_bits`, ReLU activations are fixed point of so many bits with trained radix points
  /// (nn/activation.h); 0 leaves them float32.
  NetworkImpl(const Topology& topology, const Method& method, int activation_bits = 0);

  at::Tensor forward(const at::Tensor& x);

  /// The type that weight layers with their pooling, and the batch norm of convolutions, compute in from now
  /// on; until then the input's. bfloat16 is faster in training. The outputs are float32 all the same.
  void compute_in(at::ScalarType type) { type_ = type; }

  /// In training with gradients, so large a share of the inputs, and of the outputs of every hidden linear
  /// layer's activation, is 0 and the rest grows to the same mean (Srivastava et al., 2014). LibTorch's
  /// generator chooses which.
  void set_dropout(double inputs, double hidden);

  /// What `observe` is called with in observed_forward: the block, and its output after batch norm, residual
  /// and activation.
  using Observer = std::function<void(const Block&, const at::Tensor&)>;

  /// forward, calling `observe` after every block.
  at::Tensor observed_forward(const at::Tensor& x, const Observer& observe);

  const Topology& topology() const { return topology_; }
  const Method& method() const { return method_; }
  const std::vector<Block>& blocks() const { return blocks_; }

  /// Weights, without biases and batch norm.
  int64_t weight_count() const;

 private:
  Topology topology_;
  Method method_;
  std::vector<Block> blocks_;
  std::optional<at::ScalarType> type_;  ///< if not given, the input's
  double input_dropout_ = 0.0;
  double hidden_dropout_ = 0.0;
  std::vector<size_t> last_reader_;  ///< of each block's output, the last block that names it; else 0
};

TORCH_MODULE(Network);

}  // namespace kones
