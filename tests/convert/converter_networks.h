// Networks that hold what converters have to say: every operation, number format and width.
#pragma once

#include <vector>

#include "package/random_network.h"

namespace kones::package {

/// A package of networks with golden vectors; no two have one name.
Package converter_package();

/// Networks that QONNX cannot say, because of the layer Requantize2.
Package not_in_qonnx();

/// Gives the network and all it holds names with which someone means harm.
void make_names_hostile(Network& network);

}  // namespace kones::package
