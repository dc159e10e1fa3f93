// The table of models: network topologies as lists of layers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kones/data/dataset.h"

namespace kones {

/// One weight layer and what follows it up to the next: pooling, batch norm, activation.
struct LayerShape {
  enum class Kind { linear, conv2d };
  Kind kind = Kind::linear;
  int64_t outputs = 1;   ///< neurons or output channels
  int64_t kernel = 1;    ///< conv2d: square kernel
  int64_t padding = 0;   ///< conv2d: zero padding on each side
  int64_t max_pool = 1;  ///< conv2d: square max-pooling window and stride after it; 1 is none
  static LayerShape linear(int64_t outputs) { return {Kind::linear, outputs, 1, 0, 1}; }
  static LayerShape conv2d(int64_t outputs, int64_t kernel, int64_t padding, int64_t max_pool) {
    return {Kind::conv2d, outputs, kernel, padding, max_pool};
  }
};

/// A chain of weight layers, each followed by max-pooling (where it has one), batch norm and, but for the
/// last, an activation: the order of BinaryNet's networks (Courbariaux et al., 2016).
struct Topology {
  std::string name;
  int64_t channels;
  int64_t height;
  int64_t width;
  std::vector<LayerShape> layers;
  std::string description;  ///< one line, for help texts

  /// Output classes: the last layer's outputs.
  int64_t classes() const { return layers.back().outputs; }
};

/// Every model.
const std::vector<Topology>& topologies();

/// The model called `name`. Throws Error that lists what exists.
const Topology& find_topology(const std::string& name);

/// Throws Error when pictures of this shape and number of classes do not fit the model.
void check_images(const ImageSet& images, const Topology& topology);

}  // namespace kones
