#include "kones/kernels/binarize.h"

#include "kones/kernels/elementwise.h"
#include "kones/numeric/binary.h"

namespace kones::kernels {

template <typename T>
void binarize(const T* x, T* y, int64_t count, Rounding rounding, RandomStream stream,
              int64_t first_element) {
  if (rounding == Rounding::stochastic) {
    map_elements(x, y, count, stream, first_element, binarize_stochastic);
  } else {
    map_elements(x, y, count, binarize_nearest);
  }
}

template void binarize(const float*, float*, int64_t, Rounding, RandomStream, int64_t);
template void binarize(const Float16*, Float16*, int64_t, Rounding, RandomStream, int64_t);
template void binarize(const BFloat16*, BFloat16*, int64_t, Rounding, RandomStream, int64_t);

}  // namespace kones::kernels
