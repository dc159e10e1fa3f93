#include "kones/cuda/elementwise.cuh"
#include "kones/cuda/families.h"

namespace kones::cuda {

template <typename T>
void binarize(const T* x, T* y, int64_t count, const NumberFormat& format, Rounding rounding,
              RandomStream random, RangeMask mask, Stream stream) {
  with_binary_quantizer(format, rounding, [&](auto quantizer) {
    if (mask.bytes == nullptr) {
      map_elements("binarize", x, y, count, random, stream, quantizer);
    } else {
      map_elements_masked("binarize with mask", x, y, count, random, mask, stream, quantizer);
    }
  });
}

template void binarize(const float*, float*, int64_t, const NumberFormat&, Rounding, RandomStream, RangeMask,
                       Stream);
template void binarize(const Float16*, Float16*, int64_t, const NumberFormat&, Rounding, RandomStream,
                       RangeMask, Stream);
template void binarize(const BFloat16*, BFloat16*, int64_t, const NumberFormat&, Rounding, RandomStream,
                       RangeMask, Stream);

}  // namespace kones::cuda
