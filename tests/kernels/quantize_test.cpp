#include "kones/kernels/quantize.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "kernels/quantized_array.h"
#include <gtest/gtest.h>

namespace kones {
namespace {

using kernels::CpuTier;

/// The kernel of one format and tier.
struct Quantize {
  NumberFormat format;
  CpuTier tier;
  kernels::Stores stores = kernels::Stores::cached;

  template <typename T>
  void operator()(const T* x, T* y, int64_t count, Rounding rounding, RandomStream stream,
                  int64_t first_element) const {
    kernels::quantize(x, y, count, {format, rounding, stream}, first_element, {}, stores, tier);
  }
};

template <typename Function>
void for_every_tier(Function function) {
  for (const CpuTier tier : kernels::available_cpu_tiers()) {
    SCOPED_TRACE(kernels::cpu_tier_name(tier));
    function(tier);
  }
}

template <typename T>
class QuantizeKernel : public testing::Test {};

using StorageTypes = testing::Types<float, Float16, BFloat16>;
TYPED_TEST_SUITE(QuantizeKernel, StorageTypes);

// Every value of the half types, and of float32 those and the ones around levels and ties, by the written
// rules. Seen to fail on: k = 3 running the kernel of k = 4, truncate taken for nearest, the offset left out,
// float16's subnormals cut off; ties of fixed point away from zero; -0 for a level of 0; a zero format's tie
// to zero; the reciprocal of the next larger distance.
TYPED_TEST(QuantizeKernel, EveryElementByTheDefinition) {
  const RandomStream stream = {0x0123456789ABCDEF, 0xFFFFFFFFFFFFFFF9};
  for (const ListedFormat& listed : listed_formats()) {
    SCOPED_TRACE(listed.format.name());
    const std::vector<TypeParam> x = every_element<TypeParam>(listed.levels);
    for (const Rounding rounding : listed.format.roundings()) {
      std::vector<TypeParam> y(x.size());
      Quantize{listed.format, CpuTier::scalar}(x.data(), y.data(), static_cast<int64_t>(x.size()), rounding,
                                               stream, 0);
      expect_rounded(x, y, listed.levels, rounding, stream, 0);
      for_every_tier([&](CpuTier tier) {
        std::vector<TypeParam> same(x.size());
        Quantize{listed.format, tier}(x.data(), same.data(), static_cast<int64_t>(x.size()), rounding, stream,
                                      0);
        EXPECT_TRUE(bits_of(same) == bits_of(y)) << rounding_name(rounding);
      });
    }
  }
}

#if defined(__x86_64__)
// A thread that flushes subnormal numbers to zero gets the same bits. Meant to catch: its setting left as it
// is.
TYPED_TEST(QuantizeKernel, SubnormalNumbersCountWhateverTheThreadsSetting) {
  const std::vector<TypeParam> x = {from_float<TypeParam>(-1e-40f), from_float<TypeParam>(-0x1p-20f),
                                    from_float<TypeParam>(-0x1p-24f), from_float<TypeParam>(0x1p-130f)};
  for_every_tier([&](CpuTier tier) {
    for (const NumberFormat& format :
         {NumberFormat::binary(), NumberFormat::k_ones(2), NumberFormat::fixed_point(2, 2)}) {
      std::vector<TypeParam> expected(x.size()), y(x.size());
      const Quantize quantize{format, tier};
      quantize(x.data(), expected.data(), 4, Rounding::truncate, {}, 0);
      const unsigned before = _mm_getcsr();
      _mm_setcsr(before | 0x8040u);
      quantize(x.data(), y.data(), 4, Rounding::truncate, {}, 0);
      EXPECT_EQ(_mm_getcsr() & 0x8040u, 0x8040u);
      _mm_setcsr(before);
      EXPECT_EQ(bits_of(y), bits_of(expected)) << format.name();
    }
  });
}
#endif

// Beyond 2^34 the number of the block needs the counter's second word. Seen to fail on: that word dropped.
TYPED_TEST(QuantizeKernel, ElementsFarIntoATensor) {
  const LevelSet levels = LevelSet::k_ones(2, 7);
  const RandomStream stream = {5, static_cast<uint64_t>(-6)};
  const std::vector<TypeParam> x(1000, from_float<TypeParam>(0.3f));
  for_every_tier([&](CpuTier tier) {
    for (const int64_t first : {(int64_t{1} << 31) - 3, (int64_t{1} << 34) - 3, (int64_t{5} << 40) + 1}) {
      std::vector<TypeParam> y(x.size());
      Quantize{NumberFormat::k_ones(2), tier}(x.data(), y.data(), static_cast<int64_t>(x.size()),
                                              Rounding::stochastic, stream, first);
      expect_rounded(x, y, levels, Rounding::stochastic, stream, static_cast<uint64_t>(first));
    }
  });
}

// Seen to fail on: a slice that begins at the first word of its block, an element past the end written.
TYPED_TEST(QuantizeKernel, SlicesEqualTheWhole) {
  for (const NumberFormat& format :
       {NumberFormat::k_ones(1), NumberFormat::k_ones(3, 0), NumberFormat::power_of_two(-6, 0, true),
        NumberFormat::fixed_point(2, 6), NumberFormat::binary()}) {
    SCOPED_TRACE(format.name());
    for_every_tier([&](CpuTier tier) {
      for (const kernels::Stores stores : {kernels::Stores::cached, kernels::Stores::streaming}) {
        expect_slices_equal_whole<TypeParam>(Quantize{format, tier, stores}, format.roundings());
      }
    });
  }
}

// Between two levels, across zero, close to a level, negative. Seen to fail on: p of the lower neighbour for
// negative x, one word for all four elements of a block, word / 2^31 for the uniform number.
TEST(QuantizeKernelStatistics, StochasticRounding) {
  const std::vector<std::pair<ListedFormat, std::vector<float>>> cases = {
      {{NumberFormat::k_ones(1), LevelSet::k_ones(1, 7)},
       {0.3f, -0.3f, 0.003f, -0.001f, 0.0f, 0.9f, -0.755f}},
      {{NumberFormat::k_ones(2), LevelSet::k_ones(2, 7)}, {0.3f, -0.3f, 0.003f, 0.0f, 0.9f, -0.755f}},
      {{NumberFormat::k_ones(4, 5), LevelSet::k_ones(4, 5)}, {0.3f, -0.3f, 0.003f, 0.9f}},
      {{NumberFormat::power_of_two(-6, 0, true), LevelSet::power_of_two(-6, 0, true)},
       {0.3f, -0.7f, 0.005f, -0.005f}},
      {{NumberFormat::fixed_point(2, 6), LevelSet::fixed_point(2, 6, true)}, {0.3f, -0.3f, 0.003f, -0.01f}},
      {{NumberFormat::binary(), LevelSet::binary()}, {0.0f, 0.5f, -0.3f, 0.99f, -0.999f}}};
  for (const auto& [listed, values] : cases) {
    SCOPED_TRACE(listed.format.name());
    for (const float x : values)
      expect_distribution(Quantize{listed.format, kernels::cpu_tier()}, listed.levels, x);
  }
}

/// Correlation of two +-1 sequences, in its sigmas.
double correlation(const std::vector<float>& a, const std::vector<float>& b, std::size_t lag) {
  double sum = 0;
  const std::size_t count = a.size() - lag;
  for (std::size_t i = 0; i < count; ++i) sum += a[i] * b[i + lag];
  return sum / std::sqrt(static_cast<double>(count));
}

// A binary quantizer of 0 is a fair coin: the coins of neighbouring elements, offsets and seeds have nothing
// to do with one another. Meant to catch: the block's number shifted by one word, offset added to seed.
TEST(QuantizeKernelStatistics, NeighboursOffsetsAndSeedsAreIndependent) {
  constexpr int64_t count = 1 << 20;
  const std::vector<float> x(count, 0.0f);
  const auto draw = [&](uint64_t seed, uint64_t offset) {
    std::vector<float> y(count);
    Quantize{NumberFormat::binary(), kernels::cpu_tier()}(x.data(), y.data(), count, Rounding::stochastic,
                                                          RandomStream{seed, offset}, 0);
    return y;
  };
  const std::vector<float> first = draw(11, 20);
  for (const std::size_t lag : {1u, 2u, 3u, 4u, 5u, 8u, 64u, 1024u}) {
    EXPECT_LT(std::fabs(correlation(first, first, lag)), 4.0) << "lag " << lag;
  }
  for (const auto& [seed, offset] : {std::pair{11u, 21u}, {12u, 20u}, {12u, 19u}, {10u, 21u}}) {
    for (const std::size_t lag : {0u, 1u, 4u}) {
      EXPECT_LT(std::fabs(correlation(first, draw(seed, offset), lag)), 4.0) << seed << ", " << offset;
    }
  }
}

}  // namespace
}  // namespace kones
