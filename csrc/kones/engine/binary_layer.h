// A layer of binary weights on signs, computed by counting bits (kones/kernels/xnor_conv2d.h).
#pragma once

#include <cstdint>
#include <vector>

#include "kones/numeric/xnor_conv2d.h"
#include "kones/package/package.h"

namespace kones::engine {

class BinaryLayer {
 public:
  /// Whether the layer multiplies signs by binary weights.
  static bool is_one(const package::Network& network, const package::Layer& layer);

  /// Prepares the weights of a layer that is one.
  BinaryLayer(const package::Network& network, const package::Layer& layer);

  /// The sums of one image. source: -1 and +1, [channels][height][width]; target: [outputs][height][width].
  /// `words` is memory that a thread keeps between calls.
  void compute(const int32_t* source, int32_t* target, std::vector<uint64_t>& words) const;

 private:
  XnorShape shape_;
  std::vector<uint64_t> prepacked_;
};

}  // namespace kones::engine
