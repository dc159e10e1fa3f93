// Packing and unpacking of signs in one tier. CMake compiles this file once a tier, for its instruction set
// and with KONES_TIER its name. All but the table has internal linkage, and all that it includes is inlined.
#include "kones/kernels/tiers/signs.h"

#include <type_traits>

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

/// Bit `bit` of each of 64 bytes, the first in bit 0.
inline uint64_t bit_column(const uint8_t* bytes, int bit) {
#if defined(__AVX512BW__)
  return _mm512_movepi8_mask(_mm512_slli_epi64(_mm512_load_si512(bytes), 7 - bit));
#elif defined(__AVX2__)
  const auto half = [=](int first) {
    const __m256i lanes = _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes + first));
    return static_cast<uint64_t>(
        static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_slli_epi64(lanes, 7 - bit))));
  };
  return half(0) | half(32) << 32;
#else
  uint64_t column = 0;
  for (int first = 0; first < 64; first += 8) {
    uint64_t eight;
    __builtin_memcpy(&eight, bytes + first, sizeof(eight));
    // The product moves bit 8 * i to bit 56 + i.
    const uint64_t low_bits = (eight >> bit) & 0x0101010101010101u;
    column |= low_bits * 0x0102040810204080u >> 56 << first;
  }
  return column;
#endif
}

/// Bit r of to[c * to_stride] is bit c of from[r * from_stride]; at most 64 rows and columns, and no bit is
/// set past the last column.
inline void transpose_bits(const uint64_t* from, int64_t from_stride, int64_t rows, uint64_t* to,
                           int64_t to_stride, int64_t columns) {
  alignas(64) uint8_t bytes[8][64] = {};
  const int64_t used = (columns + 7) / 8;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < used; ++i) bytes[i][r] = static_cast<uint8_t>(from[r * from_stride] >> (8 * i));
  for (int64_t c = 0; c < columns; ++c) to[c * to_stride] = bit_column(bytes[c / 8], static_cast<int>(c % 8));
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
    T padded[64] = {};
    const T* from = x;
    if (count < 64) {
      for (int64_t j = 0; j < count; ++j) padded[j] = x[j];
      from = padded;
    }
    alignas(64) uint8_t answers[64];
    for (int64_t j = 0; j < 64; ++j) answers[j] = ask<Question>(from[j]) ? 1 : 0;
    return bit_column(answers, 0) & (~uint64_t{0} >> (64 - count));
  }
  for (; i < count; ++i) bits |= static_cast<uint64_t>(ask<Question>(x[i])) << i;
  return bits;
}

/// The answers for neighbouring pixels of fewer than 64 channels, without a gap between them: first as one
/// string of bits, which is then cut.
template <typename Question, typename T>
inline void answer_small_pixels(const T* x, int64_t pixels, int64_t channels, uint64_t* words,
                                int64_t word_stride) {
  const uint64_t mask = (uint64_t{1} << channels) - 1;
  uint64_t string[64 + 1];  // that of 64 pixels, and a word of which no bit is used
  for (int64_t first = 0; first < pixels; first += 64) {
    const int64_t count = pixels - first < 64 ? pixels - first : 64;
    const int64_t elements = count * channels;
    for (int64_t i = 0; i < elements; i += 64)
      string[i / 64] = answer_bits<Question>(x + first * channels + i, elements - i < 64 ? elements - i : 64);
    string[(elements + 63) / 64] = 0;
    for (int64_t p = 0; p < count; ++p) {
      const int64_t bit = p * channels;
      const uint64_t low = string[bit / 64] >> (bit % 64);
      const uint64_t high = string[bit / 64 + 1] << 1 << (63 - bit % 64);
      words[(first + p) * word_stride] = (low | high) & mask;
    }
  }
}

/// The answers where a channel's pixels are neighbours: 64 of them at a time, which are then transposed. A
/// few pixels without a gap to the next channel's, such as the taps of a kernel, are read like small pixels.
template <typename Question, typename T>
inline void answer_planes(const T* x, int64_t pixels, int64_t channels, int64_t channel_stride,
                          uint64_t* words, int64_t word_stride) {
  uint64_t rows[64];
  for (int64_t first = 0; first < pixels; first += 64) {
    const int64_t count = pixels - first < 64 ? pixels - first : 64;
    for (int64_t c = 0; c < channels; c += 64) {
      const int64_t own_channels = channels - c < 64 ? channels - c : 64;
      if (channel_stride == pixels && pixels < 64) {
        answer_small_pixels<Question>(x + c * pixels, own_channels, pixels, rows, 1);
      } else {
        for (int64_t i = 0; i < own_channels; ++i)
          rows[i] = answer_bits<Question>(x + first + (c + i) * channel_stride, count);
      }
      transpose_bits(rows, 1, own_channels, words + first * word_stride + c / 64, word_stride, count);
    }
  }
}

template <typename Question, typename T>
inline void answer(const T* x, int64_t pixels, int64_t pixel_stride, int64_t channels, int64_t channel_stride,
                   uint64_t* words, int64_t word_stride) {
  if (channel_stride == 1 && pixel_stride == channels && channels < 64)
    return answer_small_pixels<Question>(x, pixels, channels, words, word_stride);
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
  const int64_t step = pixel_stride == 1 ? pixels : 1;
  for (int64_t p = 0; p < pixels; p += step)
    answer_planes<Question>(x + p * pixel_stride, step, channels, channel_stride, words + p * word_stride,
                            word_stride);
}

template <typename T>
void pack(const T* x, int64_t pixels, int64_t pixel_stride, int64_t channels, int64_t channel_stride,
          uint64_t* words, uint64_t* inside, int64_t word_stride) {
  answer<IsNegative>(x, pixels, pixel_stride, channels, channel_stride, words, word_stride);
  if (inside != nullptr)
    answer<IsInside>(x, pixels, pixel_stride, channels, channel_stride, inside, word_stride);
}

/// Numbers as their bits, on which unpacking works.
template <typename T>
using BitsOf = std::conditional_t<sizeof(T) == sizeof(float), uint32_t, uint16_t>;

constexpr int wide_lanes = 32;
template <typename Lane>
using Wide __attribute__((vector_size(wide_lanes * sizeof(Lane)))) = Lane;

/// Lane i is bit i, as many times as a lane has bits.
template <typename Lane>
inline Wide<Lane> widened(uint32_t bits) {
  [[maybe_unused]] constexpr bool is_narrow = sizeof(Lane) == sizeof(uint16_t);
  Wide<Lane> wide;
#if defined(__AVX512BW__)
  constexpr int lanes = 64 / sizeof(Lane);
  for (int first = 0; first < wide_lanes; first += lanes) {
    const __m512i part =
        is_narrow ? _mm512_movm_epi16(bits) : _mm512_movm_epi32(static_cast<__mmask16>(bits >> first));
    __builtin_memcpy(reinterpret_cast<Lane*>(&wide) + first, &part, sizeof(part));
  }
#elif defined(__AVX2__)
  // A lane is the bit where it has that bit.
  constexpr int lanes = 32 / sizeof(Lane);
  for (int first = 0; first < wide_lanes; first += lanes) {
    const auto own = static_cast<int>(bits >> first);
    __m256i part;
    if constexpr (is_narrow) {
      const __m256i bit =
          _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, -32768);
      part = _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16(static_cast<int16_t>(own)), bit), bit);
    } else {
      const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
      part = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(own), bit), bit);
    }
    __builtin_memcpy(reinterpret_cast<Lane*>(&wide) + first, &part, sizeof(part));
  }
#else
  for (int i = 0; i < wide_lanes; ++i) wide[i] = static_cast<Lane>(0 - ((bits >> i) & 1u));
#endif
  return wide;
}

/// visit(offset of the first element, their widened bits, how many) for `count` neighbours, some at a time.
template <typename Lane, typename Visit>
inline void visit_bits(int64_t offset, uint64_t bits, int64_t count, const Visit& visit) {
  for (; count >= wide_lanes; count -= wide_lanes, offset += wide_lanes, bits >>= wide_lanes)
    visit(offset, widened<Lane>(static_cast<uint32_t>(bits)), wide_lanes);
  if (count == wide_lanes / 2) {
    visit(offset, widened<Lane>(static_cast<uint32_t>(bits)), wide_lanes / 2);
  } else if (count > 0) {
    visit(offset, widened<Lane>(static_cast<uint32_t>(bits)), count);
  }
}

/// The same for neighbouring pixels of fewer than 64 channels, without a gap between them: as one string.
template <typename Lane, typename Visit>
inline void visit_small_pixels(int64_t offset, const uint64_t* words, int64_t word_stride, int64_t pixels,
                               int64_t channels, const Visit& visit) {
  for (int64_t first = 0; first < pixels; first += 64) {
    const int64_t count = pixels - first < 64 ? pixels - first : 64;
    uint64_t string[64 + 1] = {};
    for (int64_t p = 0; p < count; ++p) {
      const int64_t bit = p * channels;
      const uint64_t word = words[(first + p) * word_stride];
      string[bit / 64] |= word << (bit % 64);
      string[bit / 64 + 1] |= word >> 1 >> (63 - bit % 64);
    }
    const int64_t elements = count * channels;
    for (int64_t i = 0; i < elements; i += 64)
      visit_bits<Lane>(offset + first * channels + i, string[i / 64], elements - i < 64 ? elements - i : 64,
                       visit);
  }
}

/// The same where a channel's pixels are neighbours: 64 of them at a time, whose words are transposed.
template <typename Lane, typename Visit>
inline void visit_planes(const uint64_t* words, int64_t word_stride, int64_t pixels, int64_t channels,
                         int64_t channel_stride, const Visit& visit) {
  uint64_t rows[64];
  for (int64_t first = 0; first < pixels; first += 64) {
    const int64_t count = pixels - first < 64 ? pixels - first : 64;
    for (int64_t c = 0; c < channels; c += 64) {
      const int64_t own_channels = channels - c < 64 ? channels - c : 64;
      transpose_bits(words + first * word_stride + c / 64, word_stride, count, rows, 1, own_channels);
      if (channel_stride == pixels && pixels < 64) {
        visit_small_pixels<Lane>(c * pixels, rows, 1, own_channels, pixels, visit);
      } else {
        for (int64_t i = 0; i < own_channels; ++i)
          visit_bits<Lane>(first + (c + i) * channel_stride, rows[i], count, visit);
      }
    }
  }
}

/// The same for all elements.
template <typename Lane, typename Visit>
inline void for_each_bit(const uint64_t* words, int64_t word_stride, int64_t pixels, int64_t pixel_stride,
                         int64_t channels, int64_t channel_stride, const Visit& visit) {
  if (channel_stride == 1 && pixel_stride == channels && channels < 64)
    return visit_small_pixels<Lane>(0, words, word_stride, pixels, channels, visit);
  if (channel_stride != 1 && pixel_stride == 1)
    return visit_planes<Lane>(words, word_stride, pixels, channels, channel_stride, visit);
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < channels; c += 64) {
      const int64_t own_channels = channels - c < 64 ? channels - c : 64;
      const int64_t offset = p * pixel_stride + c * channel_stride;
      const uint64_t word = words[p * word_stride + c / 64];
      if (channel_stride == 1) {
        visit_bits<Lane>(offset, word, own_channels, visit);
      } else {
        for (int64_t i = 0; i < own_channels; ++i)
          visit_bits<Lane>(offset + i * channel_stride, word >> i, 1, visit);
      }
    }
  }
}

template <typename T>
void unpack(const uint64_t* words, int64_t word_stride, int64_t pixels, int64_t pixel_stride,
            int64_t channels, int64_t channel_stride, T* y) {
  using Lane = BitsOf<T>;
  const T one = from_float<T>(1.0f);
  Lane positive;
  __builtin_memcpy(&positive, &one, sizeof(positive));
  constexpr auto sign = static_cast<Lane>(1u << (8 * sizeof(T) - 1));
  for_each_bit<Lane>(
      words, word_stride, pixels, pixel_stride, channels,
      channel_stride, [=](int64_t offset, Wide<Lane> wide, int64_t count) __attribute__((always_inline)) {
        const Wide<Lane> value = (wide & sign) | positive;
        __builtin_memcpy(y + offset, &value, count * sizeof(T));
      });
}

template <typename T>
void apply_mask(const T* gradient, const uint64_t* words, int64_t word_stride, int64_t pixels,
                int64_t pixel_stride, int64_t channels, int64_t channel_stride, T* y) {
  using Lane = BitsOf<T>;
  for_each_bit<Lane>(
      words, word_stride, pixels, pixel_stride, channels,
      channel_stride, [=](int64_t offset, Wide<Lane> wide, int64_t count) __attribute__((always_inline)) {
        Wide<Lane> value;
        __builtin_memcpy(&value, gradient + offset, count * sizeof(T));
        value &= wide;
        __builtin_memcpy(y + offset, &value, count * sizeof(T));
      });
}

template <typename T>
constexpr SignFunctions<T> functions = {pack<T>, unpack<T>, apply_mask<T>};

}  // namespace

extern const SignTier KONES_TIER_TABLE(signs);
const SignTier KONES_TIER_TABLE(signs) = {functions<float>, functions<Float16>, functions<BFloat16>};

}  // namespace kones::kernels
