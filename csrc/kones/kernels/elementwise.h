// Loops that the elementwise quantizers share. A quantizer is a function of one float32 and, where it rounds
// stochastically, of one uniform number.
#pragma once

#include <cstdint>

#include "kones/numeric/float16.h"
#include "kones/numeric/philox.h"

namespace kones::kernels {

/// y[i] = quantize(x[i]) for i in [0, count). x and y may be the same.
template <typename T, typename Quantize>
void map_elements(const T* x, T* y, int64_t count, Quantize quantize) {
  for (int64_t i = 0; i < count; ++i) y[i] = from_float<T>(quantize(to_float(x[i])));
}

/// y[i] = quantize(x[i], u), where u belongs to element first_element + i of the whole tensor, in row-major
/// order: a slice draws the numbers that it would have drawn as part of the whole.
template <typename T, typename Quantize>
void map_elements(const T* x, T* y, int64_t count, RandomStream stream, int64_t first_element,
                  Quantize quantize) {
  for (int64_t i = 0; i < count;) {
    const uint64_t element = static_cast<uint64_t>(first_element + i);
    const PhiloxBlock random = philox_block(stream, element / 4);
    for (int lane = static_cast<int>(element % 4); lane < 4 && i < count; ++lane, ++i) {
      y[i] = from_float<T>(quantize(to_float(x[i]), uniform_from_word(random.word[lane])));
    }
  }
}

}  // namespace kones::kernels
