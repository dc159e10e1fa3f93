#include "kones/kernels/signs.h"

#include "kernels/xnor_case.h"
#include <gtest/gtest.h>

namespace kones::kernels {
namespace {

/// An operand of type T in some order, and its elements as numbers.
template <typename T>
struct Operand {
  explicit Operand(const SignLayout& layout) : layout(layout) {
    const std::vector<float> numbers = sign_inputs(layout.batch * layout.pixels * layout.channels(), 5);
    // One element before, so that nothing is aligned, and gaps where the layout has them.
    x.assign(layout.batch * layout.batch_stride + 1, from_float<T>(-7.0f));
    size_t next = 0;
    for (int64_t n = 0; n < layout.batch; ++n)
      for (int64_t p = 0; p < layout.pixels; ++p)
        for (int64_t c = 0; c < layout.channels(); ++c) x[index(n, p, c)] = from_float<T>(numbers[next++]);
  }
  int64_t index(int64_t n, int64_t p, int64_t c) const {
    return 1 + n * layout.batch_stride + p * layout.pixel_stride + c * layout.channel_stride;
  }
  int64_t word(int64_t n, int64_t p, int64_t c) const {
    return ((n * layout.pixels + p) * layout.groups + c / layout.group_channels) * layout.group_words() +
           c % layout.group_channels / 64;
  }

  SignLayout layout;
  std::vector<T> x;
};

std::vector<SignLayout> layouts() {
  std::vector<SignLayout> all;
  for (const int64_t channels : {1, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 130, 200}) {
    all.push_back(SignLayout::channels_last(2, 5, channels));
    all.push_back(SignLayout::channels_first(2, 5, channels));
    all.push_back(SignLayout::channels_first(1, 37, channels));
    all.push_back(SignLayout::channels_last(1, 131, channels));
    all.push_back(SignLayout::channels_first(1, 131, channels));
    all.push_back(SignLayout::channels_last(2, 3, 3 * channels, 3));
    all.push_back(SignLayout::channels_first(2, 19, 3 * channels, 3));
  }
  all.push_back({2, 7, 1, 70, 7 * 70 * 6, 2, 21});  // both strides other than 1
  all.push_back(SignLayout::channels_last(1, 0, 5));
  all.push_back(SignLayout::channels_last(0, 5, 5));
  return all;
}

template <typename T>
class Signs : public testing::Test {};
using Types = testing::Types<float, Float16, BFloat16>;
TYPED_TEST_SUITE(Signs, Types);

/// Meant to catch: -0 taken as negative, NaN, an end of the range left out, lanes out of order, bits past the
/// last channel, channels of another group, words that a part of the pixels leaves alone.
TYPED_TEST(Signs, WordsAreTheSignsInEveryTier) {
  for (const SignLayout& layout : layouts()) {
    const Operand<TypeParam> operand(layout);
    std::vector<uint64_t> words(layout.words(), 0);
    std::vector<uint64_t> inside(layout.words(), 0);
    for (int64_t n = 0; n < layout.batch; ++n)
      for (int64_t p = 0; p < layout.pixels; ++p)
        for (int64_t c = 0; c < layout.channels(); ++c) {
          const float value = to_float(operand.x[operand.index(n, p, c)]);
          const int64_t bit = c % layout.group_channels % 64;
          words[operand.word(n, p, c)] |= uint64_t{value < 0.0f} << bit;
          inside[operand.word(n, p, c)] |= uint64_t{value >= -1.0f && value <= 1.0f} << bit;
        }
    for (const CpuTier tier : available_cpu_tiers()) {
      std::vector<uint64_t> packed(words.size(), ~uint64_t{0});
      std::vector<uint64_t> mask(words.size(), ~uint64_t{0});
      const int64_t pixels = layout.batch * layout.pixels;
      for (const PixelRange range : {PixelRange{0, pixels / 3}, PixelRange{pixels / 3, pixels}})
        pack_signs(operand.x.data() + 1, layout, range, packed.data(), mask.data(), tier);
      EXPECT_EQ(packed, words) << cpu_tier_name(tier) << ", " << layout.channels() << " channels";
      EXPECT_EQ(mask, inside) << cpu_tier_name(tier) << ", " << layout.channels() << " channels";
      EXPECT_FALSE(has_stray_bits(packed.data(), layout));
      pack_signs(operand.x.data() + 1, layout, {0, pixels}, packed.data(), nullptr, tier);
      EXPECT_EQ(packed, words) << cpu_tier_name(tier) << ", without a mask";
    }
  }
}

TYPED_TEST(Signs, WordsUnpackAndMaskInEveryTier) {
  for (const SignLayout& layout : layouts()) {
    const Operand<TypeParam> operand(layout);
    const int64_t pixels = layout.batch * layout.pixels;
    std::vector<uint64_t> words(layout.words());
    std::vector<uint64_t> inside(layout.words());
    pack_signs(operand.x.data() + 1, layout, {0, pixels}, words.data(), inside.data(), CpuTier::scalar);
    for (const CpuTier tier : available_cpu_tiers()) {
      std::vector<TypeParam> y(operand.x.size(), from_float<TypeParam>(5.0f));
      std::vector<TypeParam> masked = y;
      for (const PixelRange range : {PixelRange{0, pixels / 3}, PixelRange{pixels / 3, pixels}}) {
        unpack_signs(words.data(), layout, range, y.data() + 1, tier);
        apply_sign_mask(operand.x.data() + 1, inside.data(), layout, range, masked.data() + 1, tier);
      }
      std::vector<TypeParam> expected(operand.x.size(), from_float<TypeParam>(5.0f));
      std::vector<TypeParam> expected_masked = expected;
      for (int64_t n = 0; n < layout.batch; ++n)
        for (int64_t p = 0; p < layout.pixels; ++p)
          for (int64_t c = 0; c < layout.channels(); ++c) {
            const int64_t i = operand.index(n, p, c);
            const float value = to_float(operand.x[i]);
            expected[i] = from_float<TypeParam>(value < 0.0f ? -1.0f : 1.0f);
            expected_masked[i] = value >= -1.0f && value <= 1.0f ? operand.x[i] : TypeParam{};
          }
      const auto same = [](const std::vector<TypeParam>& a, const std::vector<TypeParam>& b) {
        return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(TypeParam)) == 0;
      };
      EXPECT_TRUE(same(y, expected)) << cpu_tier_name(tier) << ", " << layout.channels() << " channels";
      EXPECT_TRUE(same(masked, expected_masked))
          << cpu_tier_name(tier) << ", " << layout.channels() << " channels";
    }
  }
}

TEST(SignWords, StrayBitsAreFound) {
  const SignLayout layout = SignLayout::channels_last(2, 3, 2 * 70, 2);
  for (int64_t word = 0; word < layout.words(); ++word) {
    for (const int bit : {0, 5, 6, 63}) {
      std::vector<uint64_t> words(layout.words(), 0);
      words[word] = uint64_t{1} << bit;
      EXPECT_EQ(has_stray_bits(words.data(), layout), word % 2 == 1 && bit >= 6) << word << ", " << bit;
    }
  }
}

}  // namespace
}  // namespace kones::kernels
