#include "kones/kernels/binarize.h"

#include "kernels/quantized_array.h"
#include <gtest/gtest.h>

namespace kones {
namespace {

struct Binarize {
  template <typename T>
  void operator()(const T* x, T* y, int64_t count, Rounding rounding, RandomStream stream,
                  int64_t first_element) const {
    kernels::binarize(x, y, count, rounding, stream, first_element);
  }
};

template <typename T>
class BinarizeKernel : public testing::Test {};

using StorageTypes = testing::Types<float, Float16, BFloat16>;
TYPED_TEST_SUITE(BinarizeKernel, StorageTypes);

// Seen to fail on: truncate taken for stochastic, stochastic for nearest, seed and offset swapped.
TYPED_TEST(BinarizeKernel, EveryElementByTheDefinition) {
  const LevelSet levels = LevelSet::binary();
  const std::vector<TypeParam> x = every_element<TypeParam>(levels);
  for (const RandomStream stream : {RandomStream{0, 0}, RandomStream{0x8000000000000001, 3}}) {
    for (const uint64_t first : {uint64_t{0}, uint64_t{2}, (uint64_t{1} << 34) - 2}) {
      for (const Rounding rounding : every_rounding) {
        std::vector<TypeParam> y(x.size());
        Binarize()(x.data(), y.data(), static_cast<int64_t>(x.size()), rounding, stream,
                   static_cast<int64_t>(first));
        expect_rounded(x, y, levels, rounding, stream, first);
      }
    }
  }
}

TYPED_TEST(BinarizeKernel, SlicesEqualTheWhole) {
  expect_slices_equal_whole<TypeParam>(Binarize());
}

// Seen to fail on: p = (1 - x) / 2.
TEST(BinarizeKernelStatistics, StochasticRounding) {
  for (const float x : {0.0f, 0.5f, -0.3f, 0.99f, -0.999f})
    expect_distribution(Binarize(), LevelSet::binary(), x);
}

}  // namespace
}  // namespace kones
