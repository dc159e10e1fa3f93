#include "cuda/quantizer_test.h"

#include "kones/cuda/quantize.h"
#include "kones/kernels/quantize.h"

namespace kones {
namespace {

template <typename T>
class CudaGradients : public QuantizerTest<T> {};
TYPED_TEST_SUITE(CudaGradients, QuantizerTypes);

/// The bytes of a mask's words, as they lie in memory.
std::vector<uint8_t> bytes_of(const std::vector<uint64_t>& words) {
  std::vector<uint8_t> bytes(8 * words.size());
  if (!words.empty()) std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

/// Meant to catch: an end left out, lanes joined in the wrong order, the last word's lanes left to chance, a
/// word that has no elements written.
TYPED_TEST(CudaGradients, MaskAndResultAgree) {
  const std::pair<NumberFormat, std::pair<float, float>> cases[] = {
      {NumberFormat::binary(), {-1.0f, 1.0f}}, {NumberFormat::fixed_point(2, 4), {-2.0f, 1.9375f}}};
  for (const auto& [format, range] : cases) {
    for (const int64_t count : sizes) {
      for (const Rounding rounding : format.roundings()) {
        const std::vector<TypeParam> x = quantizer_inputs<TypeParam>(count);
        std::vector<TypeParam> y(x.size());
        std::vector<uint64_t> mask(static_cast<size_t>((count + 63) / 64));
        kernels::quantize(x.data(), y.data(), count, {format, rounding, {8, 9}}, 0,
                          {mask.data(), range.first, range.second});
        const DeviceArray<TypeParam> device_x(x);
        DeviceArray<TypeParam> device_y(x.size());
        DeviceArray<uint8_t> bytes(std::vector<uint8_t>(8 * mask.size(), 0));
        cuda::quantize(device_x.data(), device_y.data(), count, format, rounding, {8, 9},
                       cuda::RangeMask{bytes.data(), range.first, range.second}, nullptr);
        EXPECT_TRUE(same_bits(device_y.to_host(), y)) << format.name() << ", " << count;
        EXPECT_EQ(bytes.to_host(), bytes_of(mask)) << format.name() << ", " << count;
      }
    }
  }
}

/// Meant to catch: the mask's bits of the next vector, an end left out.
TYPED_TEST(CudaGradients, GradientsAgree) {
  for (const int64_t count : sizes) {
    const std::vector<TypeParam> x = quantizer_inputs<TypeParam>(count);
    std::vector<TypeParam> gradient = quantizer_inputs<TypeParam>(count + 17);
    gradient.erase(gradient.begin(), gradient.begin() + 17);
    std::vector<TypeParam> expected(x.size());
    kernels::range_gradient(gradient.data(), x.data(), expected.data(), count, -1.0f, 1.0f);
    std::vector<uint64_t> mask(static_cast<size_t>((count + 63) / 64));
    std::vector<TypeParam> unused(x.size());
    kernels::quantize(x.data(), unused.data(), count, {NumberFormat::binary(), Rounding::nearest, {}}, 0,
                      {mask.data(), -1.0f, 1.0f});

    const DeviceArray<TypeParam> device_x(x);
    const DeviceArray<TypeParam> device_gradient(gradient);
    const DeviceArray<uint8_t> bytes(bytes_of(mask));
    DeviceArray<TypeParam> passed(x.size());
    cuda::range_gradient(device_gradient.data(), device_x.data(), passed.data(), count, -1.0f, 1.0f, nullptr);
    EXPECT_TRUE(same_bits(passed.to_host(), expected)) << count;
    DeviceArray<TypeParam> masked(x.size());
    cuda::apply_mask(device_gradient.data(), bytes.data(), masked.data(), count, nullptr);
    EXPECT_TRUE(same_bits(masked.to_host(), expected)) << count;
  }
  const std::vector<TypeParam> x = quantizer_inputs<TypeParam>(101);
  std::vector<TypeParam> expected(100);
  kernels::range_gradient(x.data(), x.data() + 1, expected.data(), 100, -1.0f, 1.0f);
  const DeviceArray<TypeParam> device_x(x);
  DeviceArray<TypeParam> passed(100);
  cuda::range_gradient(device_x.data(), device_x.data() + 1, passed.data(), 100, -1.0f, 1.0f, nullptr);
  EXPECT_TRUE(same_bits(passed.to_host(), expected)) << "at any address";
}

}  // namespace
}  // namespace kones
