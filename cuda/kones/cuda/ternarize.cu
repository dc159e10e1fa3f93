#include "kones/cuda/elementwise.cuh"

namespace kones::cuda {

template <typename T>
void ternarize(const T* x, T* y, int64_t count, TernaryScales scales, Stream stream) {
  map_elements("ternarize", x, y, count, RandomStream{}, stream, TernaryQuantizer{scales});
}

template void ternarize(const float*, float*, int64_t, TernaryScales, Stream);
template void ternarize(const Float16*, Float16*, int64_t, TernaryScales, Stream);
template void ternarize(const BFloat16*, BFloat16*, int64_t, TernaryScales, Stream);

}  // namespace kones::cuda
