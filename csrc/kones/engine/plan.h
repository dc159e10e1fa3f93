// A network made ready to be computed: layers as kernels, and where their tensors lie in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kones/engine/layer_kernel.h"
#include "kones/engine/stored_tensor.h"
#include "kones/package/package.h"

namespace kones::engine {

/// Consecutive layers that are computed together: for a few images at a time, so that their tensors stay in
/// the caches, or, where outputs have one pixel, for all images of a batch at once, so that weights are read
/// once.
struct Stage {
  std::size_t first = 0;  ///< layer
  std::size_t last = 0;   ///< beyond its last layer
  bool is_batched = false;
  int64_t images = 1;  ///< at a time, unless it is batched
};

struct PlannedLayer {
  std::unique_ptr<LayerKernel> kernel;
  std::vector<uint32_t> inputs;  ///< tensors
  uint32_t output = 0;
};

struct PlannedTensor {
  StoredTensor form;
  bool is_batched = false;  ///< whether all images of a batch are in memory at once
  int64_t images = 1;       ///< that are, unless it is batched
  std::size_t begin = 0;    ///< the first layer during which it takes memory
  std::size_t end = 0;      ///< beyond the last one; greater than any layer's number for the output
};

struct Plan {
  std::vector<PlannedTensor> tensors;
  std::vector<PlannedLayer> layers;
  std::vector<Stage> stages;
  package::Input input;
  uint32_t output = 0;

  /// Checks the network (package::validate); throws Error.
  explicit Plan(const package::Network& network);
};

}  // namespace kones::engine
