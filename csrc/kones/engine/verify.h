// The proof that a package's network computes what it says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kones/package/package.h"

namespace kones::engine {

/// No accumulator of the layer leaves -bound .. bound, which a register of `bits` bits holds, whatever the
/// picture and the order of adding.
struct AccumulatorProof {
  std::string layer;
  int64_t bound = 0;
  int bits = 0;
};

struct NetworkProof {
  std::string network;
  std::vector<AccumulatorProof> accumulators;  ///< of every Linear and Conv2d, in order
  int64_t golden_vectors = 0;
  int64_t integers = 0;  ///< of all tensors of all golden vectors; each computed twice
};

/// Checks the network (package::validate), proves the bounds of its accumulators, and computes its golden
/// vectors with the reference and with the engine. Throws Error that names the first integer, in the order of
/// the layers, that differs from the golden vector's.
NetworkProof verify(const package::Network& network);

}  // namespace kones::engine
