// The definition of what a package computes: plain loops, one operation after the other, as
// docs/package-format.md says it. The engine must give the same integers; its tests compare the two.
#pragma once

#include <cstdint>
#include <vector>

#include "kones/package/package.h"

namespace kones::engine {

/// The integers of one tensor for one image, [channels][height][width].
using Integers = std::vector<int64_t>;

/// The output integers of one layer for one image. `network` is valid (package::validate); `inputs` holds the
/// integers of the layer's input tensors, within their ranges.
Integers reference_layer(const package::Network& network, const package::Layer& layer,
                         const std::vector<const Integers*>& inputs);

/// The integers of every tensor of a valid network for one image, whose bytes are [channels][height][width].
std::vector<Integers> reference_integers(const package::Network& network, const uint8_t* image);

}  // namespace kones::engine
