// A layer's trained weights as a package holds them.
#pragma once

#include "kones/package/package.h"
#include "kones/torch/models/network.h"

namespace kones {

struct ExportedWeights {
  package::Weights weights;
  double unit;  ///< the value that a weight of level 1 has
};

/// The weights of a block, rounded to nearest. Throws Error, naming the block, for float32 weights.
ExportedWeights export_weights(const Block& block);

}  // namespace kones
