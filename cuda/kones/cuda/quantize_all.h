// Many tensors rounded by one launch: for networks of many small layers, whose launches would take longer
// than their work.
#pragma once

#include <cstdint>
#include <vector>

#include "kones/cuda/stream.h"
#include "kones/numeric/format.h"
#include "kones/numeric/rounding.h"

namespace kones::cuda {

/// A tensor of float32 in device memory, where its rounded elements go (it may be x), and the seed of its
/// random numbers.
struct TensorToQuantize {
  const float* x;
  float* y;
  int64_t count;
  uint64_t seed;
};

/// Rounds every tensor to the levels of one format, any but ternary, on `stream`; offset is that of all
/// random numbers. The bits are those of quantize on each. Up to 64 tensors go in one launch. Throws
/// std::runtime_error when the launch is refused.
void quantize_all(const std::vector<TensorToQuantize>& tensors, const NumberFormat& format, Rounding rounding,
                  uint64_t offset, Stream stream);

}  // namespace kones::cuda
