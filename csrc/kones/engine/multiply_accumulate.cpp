#include "kones/engine/multiply_accumulate.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define KONES_INSTRUCTION_SETS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define KONES_INSTRUCTION_SETS
#endif

namespace kones::engine {

KONES_INSTRUCTION_SETS void multiply_accumulate(const int32_t* levels, int64_t outputs, const int32_t* rows,
                                                int64_t row_count, int64_t inputs, int32_t* sums,
                                                int64_t sum_stride) {
  for (int64_t output = 0; output < outputs; ++output) {
    const int32_t* weights = levels + output * inputs;
    int32_t* sum = sums + output * sum_stride;
    int64_t row = 0;
    // Four rows at a time: a weight is loaded once for all four.
    for (; row + 4 <= row_count; row += 4) {
      const int32_t* row0 = rows + row * inputs;
      const int32_t* row1 = row0 + inputs;
      const int32_t* row2 = row1 + inputs;
      const int32_t* row3 = row2 + inputs;
      int32_t sum0 = 0;
      int32_t sum1 = 0;
      int32_t sum2 = 0;
      int32_t sum3 = 0;
      for (int64_t input = 0; input < inputs; ++input) {
        const int32_t weight = weights[input];
        sum0 += weight * row0[input];
        sum1 += weight * row1[input];
        sum2 += weight * row2[input];
        sum3 += weight * row3[input];
      }
      sum[row] = sum0;
      sum[row + 1] = sum1;
      sum[row + 2] = sum2;
      sum[row + 3] = sum3;
    }
    for (; row < row_count; ++row) {
      const int32_t* last = rows + row * inputs;
      int32_t last_sum = 0;
      for (int64_t input = 0; input < inputs; ++input) last_sum += weights[input] * last[input];
      sum[row] = last_sum;
    }
  }
}

}  // namespace kones::engine
