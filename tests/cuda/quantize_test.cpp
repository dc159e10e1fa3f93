#include "kones/cuda/quantize.h"

#include "cuda/quantizer_test.h"

#include "kones/kernels/quantize.h"

namespace kones {
namespace {

template <typename T>
testing::AssertionResult quantize_agrees(int64_t count, Layout layout, const NumberFormat& format,
                                         Rounding rounding, RandomStream random) {
  return agrees<T>(
      count, layout,
      [&](const T* x, T* y, int64_t n) { cuda::quantize(x, y, n, format, rounding, random, {}, nullptr); },
      [&](const T* x, T* y, int64_t n) {
        kernels::quantize(x, y, n, {format, rounding, random}, 0);
      });
}

/// One format of each family, and what makes a difference within it.
const std::vector<NumberFormat> formats = {NumberFormat::k_ones(1),
                                           NumberFormat::k_ones(2),
                                           NumberFormat::k_ones(3, 0),
                                           NumberFormat::k_ones(4, 15),
                                           NumberFormat::power_of_two(-7, 0),
                                           NumberFormat::power_of_two(-6, 1, true),
                                           NumberFormat::power_of_two(-126, 126, true),
                                           NumberFormat::fixed_point(2, 6),
                                           NumberFormat::fixed_point(1, 4, false),
                                           NumberFormat::binary()};

template <typename T>
class CudaQuantize : public QuantizerTest<T> {};
TYPED_TEST_SUITE(CudaQuantize, QuantizerTypes);

/// Meant to catch: the tail's last element left out, the wrong word of the random block, the second block of
/// a half type's vector drawn again, nearest done as truncate, a sign bit taken for the sign.
TYPED_TEST(CudaQuantize, AgreesAtEverySize) {
  for (const int64_t count : sizes) {
    for (const Rounding rounding : {Rounding::nearest, Rounding::stochastic}) {
      EXPECT_TRUE(quantize_agrees<TypeParam>(count, layouts[0], NumberFormat::binary(), rounding, {5, 6}))
          << count;
    }
    EXPECT_TRUE(
        quantize_agrees<TypeParam>(count, layouts[0], NumberFormat::k_ones(2), Rounding::stochastic, {5, 6}))
        << count;
  }
}

/// Meant to catch: three terms done as four, max_shift replaced by 7.
TYPED_TEST(CudaQuantize, AgreesForEveryFormatAndRounding) {
  for (const NumberFormat& format : formats) {
    for (const Rounding rounding : format.roundings()) {
      EXPECT_TRUE(quantize_agrees<TypeParam>(1201, layouts[0], format, rounding, {5, 6}))
          << format.name() << ", " << rounding_name(rounding);
    }
  }
}

/// Meant to catch, in the check and sanitizer builds: vector loads and stores at any address, or wherever x
/// alone allows them.
TYPED_TEST(CudaQuantize, AgreesAtAnyAddressAndInPlace) {
  for (const Layout layout : layouts) {
    for (const int64_t count : {1, 4, 7, 9, 1027}) {
      for (const Rounding rounding : {Rounding::nearest, Rounding::stochastic}) {
        EXPECT_TRUE(quantize_agrees<TypeParam>(count, layout, NumberFormat::k_ones(1), rounding, {1, 2}));
      }
    }
  }
}

/// Meant to catch: the high word of the seed or the offset dropped.
TYPED_TEST(CudaQuantize, DrawsTheStreamsNumbers) {
  for (const RandomStream random : streams) {
    EXPECT_TRUE(
        quantize_agrees<TypeParam>(515, layouts[0], NumberFormat::k_ones(2), Rounding::stochastic, random));
  }
}

TYPED_TEST(CudaQuantize, TernarizeAgrees) {
  for (const TernaryScales scales : {TernaryScales{0.5f, 1, 1}, {0, 0.25f, 3}, {0.1f, 0, 0}}) {
    for (const Layout layout : layouts) {
      EXPECT_TRUE(agrees<TypeParam>(
          1027, layout,
          [&](const TypeParam* x, TypeParam* y, int64_t n) { cuda::ternarize(x, y, n, scales, nullptr); },
          [&](const TypeParam* x, TypeParam* y, int64_t n) { kernels::ternarize(x, y, n, scales); }));
    }
  }
}

}  // namespace
}  // namespace kones
