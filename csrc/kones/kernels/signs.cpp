#include "kones/kernels/signs.h"

#include <algorithm>

#include "kones/kernels/subnormal_numbers.h"
#include "kones/kernels/tiers/signs.h"

namespace kones::kernels {

const SignTier& sign_tier(CpuTier tier) {
  switch (tier) {
#if defined(__x86_64__)
    case CpuTier::amx_int8:
    case CpuTier::avx512_vpopcntdq:
    case CpuTier::avx512_vnni:
    case CpuTier::avx512:
      return signs_avx512;
    case CpuTier::avx2:
      return signs_avx2;
#endif
    default:
      return signs_scalar;
  }
}

namespace {

template <typename T>
const SignFunctions<T>& functions(CpuTier tier);

template <>
const SignFunctions<float>& functions(CpuTier tier) {
  return sign_tier(tier).float32;
}

template <>
const SignFunctions<Float16>& functions(CpuTier tier) {
  return sign_tier(tier).float16;
}

template <>
const SignFunctions<BFloat16>& functions(CpuTier tier) {
  return sign_tier(tier).bfloat16;
}

/// visit(offset of x, offset of words, pixels) for each image's part of the range and each group.
template <typename Visit>
void for_each_run(const SignLayout& layout, PixelRange range, const Visit& visit) {
  const int64_t pixel_words = layout.groups * layout.group_words();
  while (range.begin < range.end) {
    const int64_t image = range.begin / layout.pixels;
    const int64_t pixel = range.begin % layout.pixels;
    const int64_t count = std::min(layout.pixels - pixel, range.end - range.begin);
    for (int64_t group = 0; group < layout.groups; ++group) {
      visit(image * layout.batch_stride + pixel * layout.pixel_stride +
                group * layout.group_channels * layout.channel_stride,
            range.begin * pixel_words + group * layout.group_words(), count);
    }
    range.begin += count;
  }
}

}  // namespace

template <typename T>
void pack_signs(const T* x, const SignLayout& layout, PixelRange range, uint64_t* words, uint64_t* inside,
                CpuTier tier) {
  const SubnormalNumbers scope;
  for_each_run(layout, range, [&](int64_t element, int64_t word, int64_t pixels) {
    functions<T>(tier).pack(x + element, pixels, layout.pixel_stride, layout.group_channels,
                            layout.channel_stride, words + word, inside == nullptr ? nullptr : inside + word,
                            layout.groups * layout.group_words());
  });
}

template <typename T>
void unpack_signs(const uint64_t* words, const SignLayout& layout, PixelRange range, T* y, CpuTier tier) {
  for_each_run(layout, range, [&](int64_t element, int64_t word, int64_t pixels) {
    functions<T>(tier).unpack(words + word, layout.groups * layout.group_words(), pixels, layout.pixel_stride,
                              layout.group_channels, layout.channel_stride, y + element);
  });
}

template <typename T>
void apply_sign_mask(const T* gradient, const uint64_t* words, const SignLayout& layout, PixelRange range,
                     T* y, CpuTier tier) {
  for_each_run(layout, range, [&](int64_t element, int64_t word, int64_t pixels) {
    functions<T>(tier).apply_mask(gradient + element, words + word, layout.groups * layout.group_words(),
                                  pixels, layout.pixel_stride, layout.group_channels, layout.channel_stride,
                                  y + element);
  });
}

bool has_stray_bits(const uint64_t* words, const SignLayout& layout) {
  const int64_t last_channels = layout.group_channels % 64;
  if (last_channels == 0) return false;
  const uint64_t stray = ~uint64_t{0} << last_channels;
  const int64_t step = layout.group_words();
  uint64_t found = 0;
  for (int64_t word = step - 1; word < layout.words(); word += step) found |= words[word] & stray;
  return found != 0;
}

#define KONES_INSTANTIATE(T)                                                                        \
  template void pack_signs(const T*, const SignLayout&, PixelRange, uint64_t*, uint64_t*, CpuTier); \
  template void unpack_signs(const uint64_t*, const SignLayout&, PixelRange, T*, CpuTier);          \
  template void apply_sign_mask(const T*, const uint64_t*, const SignLayout&, PixelRange, T*, CpuTier);
KONES_INSTANTIATE(float)
KONES_INSTANTIATE(Float16)
KONES_INSTANTIATE(BFloat16)
#undef KONES_INSTANTIATE

}  // namespace kones::kernels
