// Histograms of activations, from which radix points are found when a run is exported.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace kones {

/// Bin k holds the positive float32 numbers whose bits are k * 2^18 to (k + 1) * 2^18 - 1: 32 bins from each
/// power of two to the next. Zero, of no interest, and the smallest numbers are in bin 0.
inline constexpr int64_t histogram_bins = 8192;
inline constexpr int histogram_shift = 18;

/// How many elements of x lie in each bin: int64 [histogram_bins] on the CPU. x is float32; what is negative
/// counts as 0.
at::Tensor histogram_of(const at::Tensor& x);

/// Whether a tensor is of so many histograms, one a row.
bool are_histograms(const at::Tensor& histograms, size_t count);

}  // namespace kones
