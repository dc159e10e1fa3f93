#include "kones/kernels/k_ones.h"

#include "kones/kernels/elementwise.h"
#include "kones/numeric/k_ones.h"

namespace kones::kernels {
namespace {

template <int Terms, typename T>
void k_ones_of(const T* x, T* y, int64_t count, int max_shift, Rounding rounding, RandomStream stream,
               int64_t first_element) {
  switch (rounding) {
    case Rounding::nearest:
      map_elements(x, y, count, [=](float value) { return k_ones_nearest<Terms>(value, max_shift); });
      break;
    case Rounding::stochastic:
      map_elements(x, y, count, stream, first_element, [=](float value, float uniform) {
        return k_ones_stochastic<Terms>(value, max_shift, uniform);
      });
      break;
    case Rounding::truncate:
      map_elements(x, y, count, [=](float value) { return k_ones_truncate<Terms>(value, max_shift); });
      break;
  }
}

}  // namespace

template <typename T>
void k_ones(const T* x, T* y, int64_t count, int terms, int max_shift, Rounding rounding, RandomStream stream,
            int64_t first_element) {
  switch (terms) {
    case 1:
      return k_ones_of<1>(x, y, count, max_shift, rounding, stream, first_element);
    case 2:
      return k_ones_of<2>(x, y, count, max_shift, rounding, stream, first_element);
    case 3:
      return k_ones_of<3>(x, y, count, max_shift, rounding, stream, first_element);
    case 4:
      return k_ones_of<4>(x, y, count, max_shift, rounding, stream, first_element);
  }
}

template void k_ones(const float*, float*, int64_t, int, int, Rounding, RandomStream, int64_t);
template void k_ones(const Float16*, Float16*, int64_t, int, int, Rounding, RandomStream, int64_t);
template void k_ones(const BFloat16*, BFloat16*, int64_t, int, int, Rounding, RandomStream, int64_t);

}  // namespace kones::kernels
