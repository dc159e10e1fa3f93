// One layer of a network, ready to be computed: its weights in the kernels' order, its tensors in the
// engine's.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kones/engine/stored_tensor.h"
#include "kones/package/package.h"

namespace kones::engine {

/// Memory that a thread keeps between layers.
struct LayerScratch {
  std::vector<uint64_t> words;
  std::vector<int32_t> integers;
};

class LayerKernel {
 public:
  virtual ~LayerKernel() = default;

  /// Computes the layer for `images` images, one after the other in memory as StoredTensor says. inputs: one
  /// pointer for each of the layer's input tensors.
  virtual void run(const std::vector<const void*>& inputs, void* output, int64_t images,
                   LayerScratch& scratch) const = 0;
};

/// What a layer reads and writes.
struct LayerTensors {
  std::vector<const StoredTensor*> inputs;
  package::TensorKind input_kind;  ///< of the first
  StoredTensor* output;            ///< the layer may choose a wider element
  package::Tensor output_tensor;
};

/// Whether a convolution of the network's input, with sums in `sums`, can read it as bytes with a constant
/// channel (StoredTensor).
bool multiplies_bytes(const package::Conv2d& conv, const package::Input& input,
                      const package::IntegerRange& sums);

/// The kernel of a valid network's layer. The layer itself is no longer needed afterwards.
std::unique_ptr<LayerKernel> make_layer_kernel(const package::Operation& operation,
                                               const LayerTensors& tensors);

std::unique_ptr<LayerKernel> make_layer(const package::Linear& linear, const LayerTensors& tensors);
std::unique_ptr<LayerKernel> make_layer(const package::Conv2d& conv, const LayerTensors& tensors);
std::unique_ptr<LayerKernel> make_layer(const package::MaxPool2d& pool, const LayerTensors& tensors);
std::unique_ptr<LayerKernel> make_layer(const package::AvgPool2d& pool, const LayerTensors& tensors);
std::unique_ptr<LayerKernel> make_layer(const package::Requantize& requantize, const LayerTensors& tensors);
std::unique_ptr<LayerKernel> make_layer(const package::Add& add, const LayerTensors& tensors);
std::unique_ptr<LayerKernel> make_layer(const package::Threshold& threshold, const LayerTensors& tensors);

}  // namespace kones::engine
