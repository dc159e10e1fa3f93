#include "kones/cuda/elementwise.cuh"
#include "kones/cuda/k_ones.h"
#include "kones/numeric/k_ones.h"

namespace kones::cuda {
namespace {

template <int Terms>
struct Nearest {
  int max_shift;
  __device__ float operator()(float x, float) const { return k_ones_nearest<Terms>(x, max_shift); }
};

template <int Terms>
struct Stochastic {
  int max_shift;
  __device__ float operator()(float x, float uniform) const {
    return k_ones_stochastic<Terms>(x, max_shift, uniform);
  }
};

template <int Terms>
struct Truncate {
  int max_shift;
  __device__ float operator()(float x, float) const { return k_ones_truncate<Terms>(x, max_shift); }
};

template <int Terms, typename T>
void k_ones_of(const T* x, T* y, int64_t count, int max_shift, Rounding rounding, RandomStream random,
               Stream stream) {
  switch (rounding) {
    case Rounding::nearest:
      return map_elements<false>("k_ones (nearest)", x, y, count, random, stream, Nearest<Terms>{max_shift});
    case Rounding::stochastic:
      return map_elements<true>("k_ones (stochastic)", x, y, count, random, stream,
                                Stochastic<Terms>{max_shift});
    case Rounding::truncate:
      return map_elements<false>("k_ones (truncate)", x, y, count, random, stream,
                                 Truncate<Terms>{max_shift});
  }
}

}  // namespace

template <typename T>
void k_ones(const T* x, T* y, int64_t count, int terms, int max_shift, Rounding rounding, RandomStream random,
            Stream stream) {
  switch (terms) {
    case 1:
      return k_ones_of<1>(x, y, count, max_shift, rounding, random, stream);
    case 2:
      return k_ones_of<2>(x, y, count, max_shift, rounding, random, stream);
    case 3:
      return k_ones_of<3>(x, y, count, max_shift, rounding, random, stream);
    case 4:
      return k_ones_of<4>(x, y, count, max_shift, rounding, random, stream);
  }
}

template void k_ones(const float*, float*, int64_t, int, int, Rounding, RandomStream, Stream);
template void k_ones(const Float16*, Float16*, int64_t, int, int, Rounding, RandomStream, Stream);
template void k_ones(const BFloat16*, BFloat16*, int64_t, int, int, Rounding, RandomStream, Stream);

}  // namespace kones::cuda
