#include "kones/cuda/elementwise.cuh"
#include "kones/cuda/families.h"

namespace kones::cuda {

template <typename T>
void power_of_two(const T* x, T* y, int64_t count, const NumberFormat& format, Rounding rounding,
                  RandomStream random, Stream stream) {
  with_power_of_two_quantizer(format, rounding, [&](auto quantizer) {
    map_elements("power_of_two", x, y, count, random, stream, quantizer);
  });
}

template void power_of_two(const float*, float*, int64_t, const NumberFormat&, Rounding, RandomStream,
                           Stream);
template void power_of_two(const Float16*, Float16*, int64_t, const NumberFormat&, Rounding, RandomStream,
                           Stream);
template void power_of_two(const BFloat16*, BFloat16*, int64_t, const NumberFormat&, Rounding, RandomStream,
                           Stream);

}  // namespace kones::cuda
