#include "kernels/quantized_array.h"
#include <gtest/gtest.h>

#include "kones/kernels/quantize.h"

namespace kones {
namespace {

template <typename T>
class TernarizeKernel : public testing::Test {};

using StorageTypes = testing::Types<float, Float16, BFloat16>;
TYPED_TEST_SUITE(TernarizeKernel, StorageTypes);

// Meant to catch: >= for >, a negative scale without its sign, -0 for a scale of 0, a NaN that became 0.
TYPED_TEST(TernarizeKernel, EveryElementByTheDefinition) {
  const Storage<TypeParam> storage;
  const std::vector<TypeParam> x = every_element<TypeParam>(LevelSet({-0.7, -0.5, 0.0, 0.5, 0.7}));
  for (const TernaryScales scales :
       {TernaryScales{0.5f, 1, 1}, {0, 1, 1}, {0.7f, 0.25f, 3}, {0.1f, 0, 0}, {0.1f, -2, -3}}) {
    for (const kernels::CpuTier tier : kernels::available_cpu_tiers()) {
      SCOPED_TRACE(kernels::cpu_tier_name(tier));
      std::vector<TypeParam> y(x.size());
      kernels::ternarize(x.data(), y.data(), static_cast<int64_t>(x.size()), scales, kernels::Stores::cached,
                         tier);
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (Storage<TypeParam>::is_nan(x[i])) {
          ASSERT_TRUE(Storage<TypeParam>::is_nan(y[i])) << i;
          continue;
        }
        const float value = Storage<TypeParam>::value(x[i]);
        float expected = 0.0f;
        if (value > scales.threshold) expected = scales.positive;
        if (value < -scales.threshold) expected = -scales.negative;
        if (expected == 0.0f) expected = 0.0f;
        ASSERT_EQ(bits_of(y[i]), storage.bits(expected == 0.0f ? 0.0f : expected)) << value;
      }
    }
  }
}

}  // namespace
}  // namespace kones
