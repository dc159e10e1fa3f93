// Binary quantizer on plain pointers. Rules: kones/numeric/binary.h.
#pragma once

#include <cstdint>

#include "kones/numeric/float16.h"
#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"

namespace kones::kernels {

/// Quantizes elements first_element .. first_element + count - 1 of a tensor to -1 and +1; x and y point at
/// the first of them and may be the same. T is float, Float16 or BFloat16.
template <typename T>
void binarize(const T* x, T* y, int64_t count, Rounding rounding, RandomStream stream, int64_t first_element);

}  // namespace kones::kernels
