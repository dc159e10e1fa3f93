// The quantizers of each family, as quantize (quantize.h) calls them: a file each, so that they compile side
// by side.
#pragma once

#include <cstdint>

#include "kones/cuda/quantize.h"

namespace kones::cuda {

template <typename T>
void k_ones(const T* x, T* y, int64_t count, const NumberFormat& format, Rounding rounding,
            RandomStream random, Stream stream);

template <typename T>
void power_of_two(const T* x, T* y, int64_t count, const NumberFormat& format, Rounding rounding,
                  RandomStream random, Stream stream);

template <typename T>
void fixed_point(const T* x, T* y, int64_t count, const NumberFormat& format, Rounding rounding,
                 RandomStream random, RangeMask mask, Stream stream);

template <typename T>
void binarize(const T* x, T* y, int64_t count, const NumberFormat& format, Rounding rounding,
              RandomStream random, RangeMask mask, Stream stream);

}  // namespace kones::cuda
