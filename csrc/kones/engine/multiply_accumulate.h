// The engine's inner loop.
#pragma once

#include <cstdint>

namespace kones::engine {

/// sums[o * sum_stride + r] = sum over i of levels[o * inputs + i] * rows[r * inputs + i], for the `outputs`
/// rows of `levels` and the `row_count` rows of `rows`. No partial sum may leave int32 (package::validate
/// proves it). Built for several instruction sets, picked at run time.
void multiply_accumulate(const int32_t* levels, int64_t outputs, const int32_t* rows, int64_t row_count,
                         int64_t inputs, int32_t* sums, int64_t sum_stride);

}  // namespace kones::engine
