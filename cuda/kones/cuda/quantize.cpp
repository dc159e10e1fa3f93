#include "kones/cuda/quantize.h"

#include <stdexcept>

#include "kones/cuda/families.h"

namespace kones::cuda {

template <typename T>
void quantize(const T* x, T* y, int64_t count, const NumberFormat& format, Rounding rounding,
              RandomStream random, RangeMask mask, Stream stream) {
  switch (format.family) {
    case FormatFamily::k_ones:
      return k_ones(x, y, count, format, rounding, random, stream);
    case FormatFamily::power_of_two:
      return power_of_two(x, y, count, format, rounding, random, stream);
    case FormatFamily::fixed_point:
      return fixed_point(x, y, count, format, rounding, random, mask, stream);
    case FormatFamily::binary:
      return binarize(x, y, count, format, rounding, random, mask, stream);
    case FormatFamily::ternary:
      break;
  }
  throw std::invalid_argument("no CUDA quantizer for " + format.name());
}

template void quantize(const float*, float*, int64_t, const NumberFormat&, Rounding, RandomStream, RangeMask,
                       Stream);
template void quantize(const Float16*, Float16*, int64_t, const NumberFormat&, Rounding, RandomStream,
                       RangeMask, Stream);
template void quantize(const BFloat16*, BFloat16*, int64_t, const NumberFormat&, Rounding, RandomStream,
                       RangeMask, Stream);

}  // namespace kones::cuda
