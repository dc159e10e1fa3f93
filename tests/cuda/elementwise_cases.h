// Launches of map_elements_kernel that map_elements itself makes for tensors of gigabytes alone.
#pragma once

#include <cstdint>

#include "kones/numeric/philox.h"

namespace kones {

/// y[i] = x[i] + u_i / 2 with u_i the uniform number of element i, in `blocks` blocks of `threads` threads,
/// fewer than there are quads of elements: each thread takes several.
void add_uniform_in_few_blocks(const float* x, float* y, int64_t count, RandomStream stream, unsigned blocks,
                               unsigned threads);

}  // namespace kones
