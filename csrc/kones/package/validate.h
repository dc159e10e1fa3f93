// What a valid package is. The writer, the reader and the engine all rely on this one function, so that
// nothing that came from a file is computed with before it passed here.
#pragma once

#include <cstdint>
#include <vector>

#include "kones/package/package.h"

namespace kones::package {

/// Limits on the sizes of one package.
inline constexpr uint64_t max_networks = 1024;
inline constexpr uint64_t max_layers = 65536;  ///< of a network; also of tensors, golden vectors and classes
inline constexpr uint64_t max_extent = 65536;  ///< channels, height, width
inline constexpr int64_t max_elements = 1 << 28;   ///< of all tensors of a network together, for one image
inline constexpr uint64_t max_weights = 1u << 30;  ///< of a package
inline constexpr uint64_t max_tables = 1u << 22;   ///< of FlatBuffers in a file
inline constexpr uint32_t max_window = 255;        ///< kernel, stride, padding, dilation along one axis
inline constexpr uint64_t max_text_bytes = 1024;   ///< of a name
inline constexpr int max_requantize_shift = 62;
inline constexpr int64_t max_requantize_addend = int64_t{1} << 62;
inline constexpr int64_t max_accumulator = INT32_MAX;  ///< magnitude of an integer tensor of 32 bits
inline constexpr int64_t max_wide_accumulator = (int64_t{1} << 53) - 1;  ///< and of 64 bits; float64 is exact

/// The integers that a tensor may hold, whatever the picture.
struct IntegerRange {
  int64_t minimum = 0;
  int64_t maximum = 0;

  int64_t magnitude() const { return maximum > -minimum ? maximum : -minimum; }
};

/// Checks everything that the format's description asks of a network: indices, shapes, sizes, formats, the
/// arrays' lengths and ranges, and that no accumulator can overflow: for every output of a Linear or Conv2d,
/// the sum of |level| * max|x| is at most 2^31 - 1 (2^53 - 1 where the output tensor has 64 bits), so that
/// any order of adding fits. Throws Error, naming network, layer and reason.
///
/// Returns the range of each tensor. That of an accumulator is symmetric: the largest such sum of its layer's
/// outputs.
std::vector<IntegerRange> validate(const Network& network);

/// Checks every network, and the limits of the whole. Throws Error.
void validate(const Package& package);

}  // namespace kones::package
