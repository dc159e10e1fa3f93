// A LightNN-1 in a training loop of one's own: LibTorch's modules around kones's layers. The README shows it.
#include <cstdio>

#include <ATen/Context.h>
#include <torch/nn.h>

#include "kones/torch/data/batch.h"
#include "kones/torch/nn/quantized_linear.h"
#include "kones/torch/train/fused_optimizer.h"

int main() {
  at::manual_seed(1);
  const kones::Dataset data = kones::load_dataset("fashion-mnist");
  const kones::nn::WeightQuantizer lightnn_1{kones::NumberFormat::k_ones(1)};  // weights are +-2^-m, m = 0..7
  torch::nn::Sequential network(torch::nn::Flatten(), kones::nn::QuantizedLinear(784, 100, lightnn_1),
                                torch::nn::BatchNorm1d(100), torch::nn::ReLU(),
                                kones::nn::QuantizedLinear(100, 10, lightnn_1), torch::nn::BatchNorm1d(10));
  kones::FusedOptimizer adam({{network->parameters()}}, {});
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    const std::vector<int64_t> order = kones::shuffled_indices(data.train.count, epoch);
    for (int64_t i = 0; i < data.train.count; i += 100) {
      const at::Tensor outputs = network->forward(kones::make_batch(data.train, &order[i], 100));
      adam.zero_gradients();
      torch::cross_entropy_loss(outputs, kones::make_labels(data.train, &order[i], 100)).backward();
      adam.step(0.002);
      kones::nn::clip_latent_weights(*network);
    }
  }
  network->eval();
  const std::vector<int64_t> all = kones::consecutive_indices(0, data.test.count);
  const at::Tensor predicted =
      network->forward(kones::make_batch(data.test, all.data(), data.test.count)).argmax(1);
  const at::Tensor wrong = predicted.ne(kones::make_labels(data.test, all.data(), data.test.count));
  std::printf("test error: %.2f %%\n", 100.0 * wrong.to(at::kDouble).mean().item<double>());
}
