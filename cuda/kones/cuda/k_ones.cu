#include "kones/cuda/elementwise.cuh"
#include "kones/cuda/families.h"

namespace kones::cuda {

template <typename T>
void k_ones(const T* x, T* y, int64_t count, const NumberFormat& format, Rounding rounding,
            RandomStream random, Stream stream) {
  with_k_ones_quantizer(format, rounding, [&](auto quantizer) {
    map_elements("k_ones", x, y, count, random, stream, quantizer);
  });
}

template void k_ones(const float*, float*, int64_t, const NumberFormat&, Rounding, RandomStream, Stream);
template void k_ones(const Float16*, Float16*, int64_t, const NumberFormat&, Rounding, RandomStream, Stream);
template void k_ones(const BFloat16*, BFloat16*, int64_t, const NumberFormat&, Rounding, RandomStream,
                     Stream);

}  // namespace kones::cuda
