// The table of models: network topologies as lists of layers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kones/data/dataset.h"

namespace kones {

/// Pooling by square windows. The padding is no pixel: it is neither a maximum nor counted in an average.
struct Pooling {
  enum class Kind { none, max, average };
  Kind kind = Kind::none;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t padding = 0;     ///< on each side, at most half of the kernel
  bool ceil_mode = false;  ///< a last window that hangs over the edge counts

  /// Windows side by side.
  static Pooling max(int64_t kernel) { return {Kind::max, kernel, kernel, 0, false}; }
  static Pooling max(int64_t kernel, int64_t stride, int64_t padding, bool ceil_mode) {
    return {Kind::max, kernel, stride, padding, ceil_mode};
  }
  static Pooling average(int64_t kernel) { return {Kind::average, kernel, kernel, 0, false}; }
  static Pooling average(int64_t kernel, int64_t stride, int64_t padding, bool ceil_mode) {
    return {Kind::average, kernel, stride, padding, ceil_mode};
  }
};

/// One weight layer and what follows it up to the next: pooling, batch norm, a residual, activation. Other
/// layers are named by their places, from 0.
struct LayerShape {
  enum class Kind { linear, conv2d };
  Kind kind = Kind::linear;
  int64_t outputs = 1;             ///< neurons or output channels
  int64_t kernel = 1;              ///< conv2d: square kernel
  int64_t padding = 0;             ///< conv2d: zero padding on each side
  int64_t stride = 1;              ///< conv2d
  int64_t dilation = 1;            ///< conv2d
  int64_t groups = 1;              ///< conv2d
  Pooling pooling;                 ///< conv2d: of its sums
  std::optional<size_t> input;     ///< the layer whose output it reads; if not given, the one before
  std::optional<size_t> residual;  ///< the layer whose output is added after batch norm
  bool has_activation = true;      ///< false for a layer that is another's residual alone; the last has none

  static LayerShape linear(int64_t outputs) {
    LayerShape shape;
    shape.outputs = outputs;
    return shape;
  }
  static LayerShape conv2d(int64_t outputs, int64_t kernel, int64_t padding, Pooling pooling = {}) {
    LayerShape shape = linear(outputs);
    shape.kind = Kind::conv2d;
    shape.kernel = kernel;
    shape.padding = padding;
    shape.pooling = pooling;
    return shape;
  }
};

/// Weight layers, each followed by pooling (where it has one), batch norm, the addition of a residual (where
/// it has one) and, but for the last, an activation: the order of BinaryNet's networks (Courbariaux et al.,
/// 2016), and of residual ones (He, Zhang, Ren and Sun, 2016).
struct Topology {
  std::string name;
  int64_t channels;
  int64_t height;
  int64_t width;
  std::vector<LayerShape> layers;
  std::string description;  ///< one line, for help texts

  /// Output classes: the last layer's outputs.
  int64_t classes() const { return layers.back().outputs; }

  /// Whether the shape of its pictures and its classes are for the data set to say.
  bool is_open() const { return channels == 0; }
};

/// Every model.
const std::vector<Topology>& topologies();

/// The model called `name`. Throws Error that lists what exists.
const Topology& find_topology(const std::string& name);

/// `topology` for pictures of this shape and so many classes, which an open one takes over and others have
/// anyway, or check_images refuses them. Throws Error for an open one's that are none or too many.
Topology fit_topology(Topology topology, int64_t channels, int64_t height, int64_t width, int64_t classes);

/// Throws Error when pictures of this shape and number of classes do not fit the model.
void check_images(const ImageSet& images, const Topology& topology);

}  // namespace kones
