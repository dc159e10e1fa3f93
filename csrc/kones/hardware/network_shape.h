// Networks as lists of shapes: the work of a topology and a method without a package of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kones/hardware/layer_work.h"
#include "kones/numeric/format.h"

namespace kones::hardware {

/// One layer with weights, and the pooling after it. Other layers are named by their places, from 0.
struct LayerShape {
  enum class Kind { linear, conv2d };
  Kind kind = Kind::linear;
  int64_t outputs = 1;      ///< features or output channels
  int64_t kernel = 1;       ///< conv2d: square kernel
  int64_t padding = 0;      ///< conv2d: zeros on each side
  int64_t pool_kernel = 1;  ///< square pooling window after it; 1 is none
  int64_t pool_stride = 1;
  int64_t pool_padding = 0;
  bool pool_ceil_mode = true;  ///< a last window that hangs over the edge is kept, as Caffe does
  int64_t stride = 1;          ///< conv2d; also dilation and groups
  int64_t dilation = 1;
  int64_t groups = 1;
  std::optional<std::size_t> input;     ///< the layer whose output it reads; if not given, the one before
  std::optional<std::size_t> residual;  ///< the layer whose output is added to its own

  static LayerShape linear(int64_t outputs) {
    LayerShape shape;
    shape.outputs = outputs;
    return shape;
  }
  static LayerShape conv2d(int64_t outputs, int64_t kernel, int64_t padding, int64_t pool_kernel = 1,
                           int64_t pool_stride = 1) {
    LayerShape shape = linear(outputs);
    shape.kind = Kind::conv2d;
    shape.kernel = kernel;
    shape.padding = padding;
    shape.pool_kernel = pool_kernel;
    shape.pool_stride = pool_stride;
    return shape;
  }
};

/// Layers over a picture, each after those that it names.
struct NetworkShape {
  std::string name;
  int64_t channels = 1;
  int64_t height = 1;
  int64_t width = 1;
  std::vector<LayerShape> layers;
};

/// What a method makes of a network's tensors.
struct MethodFormats {
  std::string name;
  std::optional<NumberFormat> weights;  ///< none: float32
  bool sign_activations = false;        ///< else numbers: float32, or fixed point of activation_bits
};

/// Bits of a package's activations by default.
inline constexpr int activation_bits = 8;

/// The work of a network of this shape, every layer with one bias an output channel. Its operands are what a
/// package has: bytes that enter as 2b - 255, then signs, or unsigned fixed point of activation_bits. Throws
/// std::invalid_argument for a window that does not fit, and for a layer that names a later one.
NetworkWork work_of(const NetworkShape& shape, const MethodFormats& method);

/// The five configurations of Ding, Liu, Blanton and Marculescu, table 3, under kones's names for them:
/// mnist-1hidden, mnist-2conv, mnist-3hidden, cifar-3conv, cifar-6conv. Parameters, biases among them, are as
/// many as the paper counts, but for cifar-3conv: no network of Caffe's examples has 82,208; this is
/// cifar10_full's topology (89,578).
const std::vector<NetworkShape>& paper_networks();

/// The seven methods of that paper, in the order of its table 3.
const std::vector<MethodFormats>& paper_methods();

}  // namespace kones::hardware
