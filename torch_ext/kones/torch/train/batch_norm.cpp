#include "kones/torch/train/batch_norm.h"

#include <algorithm>

#include <torch/torch.h>

#include "kones/torch/data/batch.h"

namespace kones {
namespace {

constexpr int64_t batches = 8;
constexpr int64_t batch_size = 500;

/// Averages the statistics of all batches with equal weight when the momentum is none.
void set_momentum(Block block, std::optional<double> momentum) {
  if (block.norm2d.is_empty()) {
    block.norm1d->options.momentum(momentum);
  } else {
    block.norm2d->options.momentum(momentum);
  }
}

}  // namespace

void recalibrate_batch_norm(Network& network, const ImageSet& images, const std::vector<int64_t>& indices) {
  torch::NoGradGuard no_gradient;
  const c10::Device device = network->parameters().front().device();
  const std::optional<double> momentum = network->blocks().front().norm_options().momentum();
  std::vector<at::Tensor> batch_counts;
  network->train();
  for (const Block& block : network->blocks()) {
    block.weight()->eval();
    set_momentum(block, std::nullopt);
    batch_counts.push_back(block.norm_batch_count().clone());
    block.norm_batch_count().zero_();
    block.norm_mean().zero_();
    block.norm_variance().fill_(1);
  }
  const int64_t count = static_cast<int64_t>(indices.size());
  const int64_t size = std::min(batch_size, count);
  for (int64_t batch = 0; batch < batches && (batch + 1) * size <= count; ++batch) {
    network->forward(make_batch(images, indices.data() + batch * size, size, {}).to(device));
  }
  for (size_t i = 0; i < network->blocks().size(); ++i) {
    const Block& block = network->blocks()[i];
    block.weight()->train();
    set_momentum(block, momentum);
    block.norm_batch_count().copy_(batch_counts[i]);
  }
}

}  // namespace kones
