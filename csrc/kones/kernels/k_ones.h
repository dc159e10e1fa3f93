// k-ones quantizer on plain pointers. Numbers and rules: kones/numeric/k_ones.h.
#pragma once

#include <cstdint>

#include "kones/numeric/float16.h"
#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"

namespace kones::kernels {

/// Quantizes elements first_element .. first_element + count - 1 of a tensor; x and y point at the first of
/// them and may be the same. terms is 1..4, max_shift 0..15. T is float, Float16 or BFloat16.
template <typename T>
void k_ones(const T* x, T* y, int64_t count, int terms, int max_shift, Rounding rounding, RandomStream stream,
            int64_t first_element);

}  // namespace kones::kernels
