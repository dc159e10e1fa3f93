#include "kones/cuda/binarize.h"
#include "kones/cuda/elementwise.cuh"
#include "kones/numeric/binary.h"

namespace kones::cuda {
namespace {

struct Nearest {
  __device__ float operator()(float x, float) const { return binarize_nearest(x); }
};

struct Stochastic {
  __device__ float operator()(float x, float uniform) const { return binarize_stochastic(x, uniform); }
};

}  // namespace

template <typename T>
void binarize(const T* x, T* y, int64_t count, Rounding rounding, RandomStream random, Stream stream) {
  if (rounding == Rounding::stochastic) {
    map_elements<true>("binarize (stochastic)", x, y, count, random, stream, Stochastic{});
  } else {
    map_elements<false>("binarize (nearest)", x, y, count, random, stream, Nearest{});
  }
}

template void binarize(const float*, float*, int64_t, Rounding, RandomStream, Stream);
template void binarize(const Float16*, Float16*, int64_t, Rounding, RandomStream, Stream);
template void binarize(const BFloat16*, BFloat16*, int64_t, Rounding, RandomStream, Stream);

}  // namespace kones::cuda
