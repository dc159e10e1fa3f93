// Checkpoint files: named tensors and a JSON text, in LibTorch's archive format, whole or not at all.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "kones/torch/models/network.h"
#include "kones/torch/train/fused_optimizer.h"
#include "kones/torch/train/weight_average.h"

namespace kones {

/// What a checkpoint holds. `state` is a JSON text.
struct Checkpoint {
  std::string model;
  std::string method;
  std::string state;
  std::map<std::string, at::Tensor> tensors;
};

/// Writes `checkpoint` to `path`. Throws Error.
void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path);

/// Reads a checkpoint onto the CPU. Throws Error.
Checkpoint load_checkpoint(const std::filesystem::path& path);

/// Copies the network's parameters and buffers into `checkpoint`, under "network/".
void store_network(const Network& network, Checkpoint& checkpoint);

/// Copies them back. Throws Error, naming `path`, when the checkpoint is of another model, or a tensor is
/// missing or has another shape. The methods may differ: the latent weights of one start another. So may,
/// with `keep_thresholds`, the activations: thresholds that the checkpoint lacks stay as they are.
void restore_network(const Checkpoint& checkpoint, const std::filesystem::path& path, Network& network,
                     bool keep_thresholds = false);

/// The same for the optimizer's state, under "optimizer/".
void store_optimizer(FusedOptimizer& optimizer, Checkpoint& checkpoint);
void restore_optimizer(const Checkpoint& checkpoint, const std::filesystem::path& path,
                       FusedOptimizer& optimizer);

/// The moving average of the weights, like the optimizer's state.
void store_average(WeightAverage& average, Checkpoint& checkpoint);
void restore_average(const Checkpoint& checkpoint, const std::filesystem::path& path, WeightAverage& average);

}  // namespace kones
