// Packing and unpacking of signs in one tier. CMake compiles this file once a tier, for its instruction set
// and with KONES_TIER its name. All but the table has internal linkage, and all that it includes is inlined.
#include "kones/kernels/tiers/signs.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kones/kernels/tiers/table.h"

namespace kones::kernels {
namespace {

/// The questions that packing asks of an element. A 16-bit float is asked by its bits: a magnitude has the
/// order of the number, and NaNs are above infinity.
struct IsNegative {
  static bool of(float x) { return x < 0.0f; }
  static bool of(uint16_t bits, uint16_t infinity, uint16_t) {
    return static_cast<uint16_t>(bits - 0x8001u) <= static_cast<uint16_t>(infinity - 1);
  }
#if defined(__AVX512BW__)
  static uint64_t of(__m512 x, __mmask16 valid) {
    return _mm512_mask_cmp_ps_mask(valid, x, _mm512_setzero_ps(), _CMP_LT_OQ);
  }
#elif defined(__AVX2__)
  static __m256 of(__m256 x) {
    return _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ);
  }
#endif
};

struct IsInside {
  static bool of(float x) { return x >= -1.0f && x <= 1.0f; }
  static bool of(uint16_t bits, uint16_t, uint16_t one) {
    return static_cast<uint16_t>(bits & 0x7FFFu) <= one;
  }
#if defined(__AVX512BW__)
  static uint64_t of(__m512 x, __mmask16 valid) {
    return _mm512_mask_cmp_ps_mask(valid, _mm512_abs_ps(x), _mm512_set1_ps(1.0f), _CMP_LE_OQ);
  }
#elif defined(__AVX2__)
  static __m256 of(__m256 x) {
    const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
    return _mm256_cmp_ps(magnitude, _mm256_set1_ps(1.0f), _CMP_LE_OQ);
  }
#endif
};

template <typename Question>
inline bool ask(float x) {
  return Question::of(x);
}
template <typename Question>
inline bool ask(Float16 x) {
  return Question::of(x.bits, uint16_t{0x7C00}, uint16_t{0x3C00});
}
template <typename Question>
inline bool ask(BFloat16 x) {
  return Question::of(x.bits, uint16_t{0x7F80}, uint16_t{0x3F80});
}

/// The answers for `count` elements, 1 to 64, as bits.
template <typename Question, typename T>
inline uint64_t answer_bits(const T* x, int64_t count) {
  uint64_t bits = 0;
  int64_t i = 0;
  if constexpr (sizeof(T) == sizeof(float)) {
#if defined(__AVX512BW__)
    if (count == 64) {
      const auto sixteen = [x](int first) {
        return static_cast<__mmask16>(Question::of(_mm512_loadu_ps(x + first), 0xFFFF));
      };
      const __mmask32 low = _mm512_kunpackw(sixteen(16), sixteen(0));
      const __mmask32 high = _mm512_kunpackw(sixteen(48), sixteen(32));
      return _mm512_kunpackd(high, low);
    }
    for (; i + 16 <= count; i += 16) bits |= Question::of(_mm512_loadu_ps(x + i), 0xFFFF) << i;
    if (i < count) {
      const auto valid = static_cast<__mmask16>((1u << (count - i)) - 1);
      bits |= Question::of(_mm512_maskz_loadu_ps(valid, x + i), valid) << i;
      i = count;
    }
#elif defined(__AVX2__)
    for (; i + 8 <= count; i += 8) {
      const int answers = _mm256_movemask_ps(Question::of(_mm256_loadu_ps(x + i)));
      bits |= static_cast<uint64_t>(static_cast<uint32_t>(answers)) << i;
    }
#endif
  } else {
    // A byte an answer, which the compiler makes with vectors, then a bit.
    alignas(64) uint8_t answers[64];
    if (count == 64) {
      for (int64_t j = 0; j < 64; ++j) answers[j] = ask<Question>(x[j]) ? 0xFF : 0;
#if defined(__AVX512BW__)
      return static_cast<uint64_t>(_mm512_movepi8_mask(_mm512_load_si512(answers)));
#elif defined(__AVX2__)
      const auto half = [&answers](int first) {
        const auto* from = reinterpret_cast<const __m256i*>(answers + first);
        return static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_load_si256(from))));
      };
      return half(0) | half(32) << 32;
#else
      for (int64_t j = 0; j < 64; ++j) bits |= static_cast<uint64_t>(answers[j] & 1u) << j;
      return bits;
#endif
    }
  }
  for (; i < count; ++i) bits |= static_cast<uint64_t>(ask<Question>(x[i])) << i;
  return bits;
}

/// Pixels that are packed together where channels lie apart.
constexpr int64_t plane_pixels = 16;

/// The answers for channels 0 .. channels - 1, at most 64, of `count` pixels, at most plane_pixels, that are
/// neighbours.
template <typename Question, typename T>
inline void answer_planes(const T* x, int64_t count, int64_t channels, int64_t channel_stride,
                          uint64_t* words, int64_t word_stride) {
  uint32_t halves[2][plane_pixels] = {};
  for (int64_t c = 0; c < channels; ++c) {
    const T* from = x + c * channel_stride;
    uint32_t* half = halves[c / 32];
    const uint32_t bit = uint32_t{1} << (c % 32);
    if (count == plane_pixels) {
      for (int64_t p = 0; p < plane_pixels; ++p) half[p] |= ask<Question>(from[p]) ? bit : 0u;
    } else {
      for (int64_t p = 0; p < count; ++p) half[p] |= ask<Question>(from[p]) ? bit : 0u;
    }
  }
  for (int64_t p = 0; p < count; ++p)
    words[p * word_stride] = halves[0][p] | static_cast<uint64_t>(halves[1][p]) << 32;
}

template <typename Question, typename T>
inline void answer(const T* x, int64_t pixels, int64_t pixel_stride, int64_t channels, int64_t channel_stride,
                   uint64_t* words, int64_t word_stride) {
  if (channel_stride == 1) {
    if (pixel_stride == channels && word_stride * 64 == channels) {  // no gap anywhere: one long pixel
      channels *= pixels;
      pixels = 1;
    }
    for (int64_t p = 0; p < pixels; ++p) {
      const T* pixel = x + p * pixel_stride;
      uint64_t* to = words + p * word_stride;
      int64_t c = 0;
      for (; c + 64 <= channels; c += 64) *to++ = answer_bits<Question>(pixel + c, 64);
      if (c < channels) *to = answer_bits<Question>(pixel + c, channels - c);
    }
    return;
  }
  // With other strides a pixel is a plane's row of one.
  const int64_t step = pixel_stride == 1 ? plane_pixels : 1;
  for (int64_t c = 0; c < channels; c += 64) {
    const int64_t own_channels = channels - c < 64 ? channels - c : 64;
    for (int64_t p = 0; p < pixels; p += step) {
      answer_planes<Question>(x + p * pixel_stride + c * channel_stride,
                              pixels - p < step ? pixels - p : step, own_channels, channel_stride,
                              words + p * word_stride + c / 64, word_stride);
    }
  }
}

template <typename T>
void pack(const T* x, int64_t pixels, int64_t pixel_stride, int64_t channels, int64_t channel_stride,
          uint64_t* words, uint64_t* inside, int64_t word_stride) {
  answer<IsNegative>(x, pixels, pixel_stride, channels, channel_stride, words, word_stride);
  if (inside != nullptr)
    answer<IsInside>(x, pixels, pixel_stride, channels, channel_stride, inside, word_stride);
}

/// visit(offset of the element, its bit) for all elements, along whichever stride is 1.
template <typename Visit>
inline void for_each_bit(const uint64_t* words, int64_t word_stride, int64_t pixels, int64_t pixel_stride,
                         int64_t channels, int64_t channel_stride, Visit visit) {
  if (channel_stride == 1) {
    for (int64_t p = 0; p < pixels; ++p) {
      for (int64_t first = 0; first < channels; first += 32) {
        const auto bits = static_cast<uint32_t>(words[p * word_stride + first / 64] >> (first % 64));
        const int64_t offset = p * pixel_stride + first;
        if (channels - first >= 32) {
#pragma GCC ivdep
          for (int c = 0; c < 32; ++c) visit(offset + c, (bits >> c) & 1u);
        } else {
#pragma GCC ivdep
          for (int c = 0; c < static_cast<int>(channels - first); ++c) visit(offset + c, (bits >> c) & 1u);
        }
      }
    }
    return;
  }
  // Blocks of pixels, so that their words are still cached for the next channel.
  for (int64_t begin = 0; begin < pixels; begin += 256) {
    const int64_t end = pixels - begin < 256 ? pixels : begin + 256;
    for (int64_t c = 0; c < channels; ++c) {
      const uint64_t* word = words + c / 64;
      const int shift = static_cast<int>(c % 64);
#pragma GCC ivdep
      for (int64_t p = begin; p < end; ++p) {
        visit(p * pixel_stride + c * channel_stride,
              static_cast<uint32_t>(word[p * word_stride] >> shift) & 1u);
      }
    }
  }
}

template <typename T>
void unpack(const uint64_t* words, int64_t word_stride, int64_t pixels, int64_t pixel_stride,
            int64_t channels, int64_t channel_stride, T* y) {
  const T negative = from_float<T>(-1.0f);
  const T positive = from_float<T>(1.0f);
  for_each_bit(words, word_stride, pixels, pixel_stride, channels, channel_stride,
               [=](int64_t offset, uint32_t bit) { y[offset] = bit != 0 ? negative : positive; });
}

template <typename T>
void apply_mask(const T* gradient, const uint64_t* words, int64_t word_stride, int64_t pixels,
                int64_t pixel_stride, int64_t channels, int64_t channel_stride, T* y) {
  for_each_bit(words, word_stride, pixels, pixel_stride, channels, channel_stride,
               [=](int64_t offset, uint32_t bit) { y[offset] = bit != 0 ? gradient[offset] : T{}; });
}

template <typename T>
constexpr SignFunctions<T> functions = {pack<T>, unpack<T>, apply_mask<T>};

}  // namespace

extern const SignTier KONES_TIER_TABLE(signs);
const SignTier KONES_TIER_TABLE(signs) = {functions<float>, functions<Float16>, functions<BFloat16>};

}  // namespace kones::kernels
