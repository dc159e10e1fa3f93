// The elementwise kernels of one tier. CMake compiles this file once a tier, for its instruction set and with
// KONES_TIER its name. Loops are written so that the compiler makes vectors of them;
// all but the table has internal linkage and all that it includes is inlined, so that no other file runs this
// one's code.
#include "kones/kernels/tiers/elementwise.h"

#include "kones/kernels/tiers/philox_words.h"
#include "kones/kernels/tiers/table.h"
#include "kones/numeric/quantizer.h"

namespace kones::kernels {
namespace {

/// Elements that are worked on at a time: what belongs to them stays in the first-level cache.
constexpr int64_t chunk = 1024;

/// y[i] = quantize(x[i], word i as a uniform number). x and y may be the same, and are not otherwise one
/// another's.
template <typename T, typename Quantizer>
inline void map_chunk(const T* x, T* y, int64_t count, const uint32_t* words, Quantizer quantize) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const float uniform = Quantizer::random ? uniform_from_word(words[i]) : 0.0f;
    y[i] = from_float<T>(quantize(to_float(x[i]), uniform));
  }
}

/// Writes past the caches what `values` holds; both are aligned to 64 bytes, and count * sizeof(T) is a
/// multiple of 64.
template <typename T>
inline void stream_chunk(const T* values, T* y, int64_t count) {
#if defined(__AVX512F__)
  using Vector = __m512i;
#elif defined(__AVX2__)
  using Vector = __m256i;
#endif
#if defined(__AVX2__)
  constexpr int64_t step = static_cast<int64_t>(sizeof(Vector) / sizeof(T));
  for (int64_t i = 0; i < count; i += step) {
    const auto* from = reinterpret_cast<const Vector*>(values + i);
    auto* to = reinterpret_cast<Vector*>(y + i);
#if defined(__AVX512F__)
    _mm512_stream_si512(to, _mm512_load_si512(from));
#else
    _mm256_stream_si256(to, _mm256_load_si256(from));
#endif
  }
#else
  for (int64_t i = 0; i < count; ++i) y[i] = values[i];
#endif
}

/// The bits of `count` elements, at most 64, that are inside the range.
template <typename T>
inline uint64_t inside_bits(const T* x, int64_t count, float low, float high) {
  const float* values = nullptr;
  float widened[64];
  if constexpr (sizeof(T) == sizeof(float)) {
    values = x;
  } else {
    for (int64_t i = 0; i < count; ++i) widened[i] = to_float(x[i]);
    values = widened;
  }
  uint64_t bits = 0;
  int64_t i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= count; i += 16) {
    const __m512 value = _mm512_loadu_ps(values + i);
    const __mmask16 above = _mm512_cmp_ps_mask(value, _mm512_set1_ps(low), _CMP_GE_OQ);
    const __mmask16 inside = _mm512_mask_cmp_ps_mask(above, value, _mm512_set1_ps(high), _CMP_LE_OQ);
    bits |= static_cast<uint64_t>(inside) << i;
  }
#elif defined(__AVX2__)
  for (; i + 8 <= count; i += 8) {
    const __m256 value = _mm256_loadu_ps(values + i);
    const __m256 above = _mm256_cmp_ps(value, _mm256_set1_ps(low), _CMP_GE_OQ);
    const __m256 inside = _mm256_and_ps(above, _mm256_cmp_ps(value, _mm256_set1_ps(high), _CMP_LE_OQ));
    bits |= static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_ps(inside))) << i;
  }
#endif
  for (; i < count; ++i) bits |= static_cast<uint64_t>(values[i] >= low && values[i] <= high) << i;
  return bits;
}

/// Notes the range mask of `count` elements, whose first is bit 0 of words[0].
template <typename T>
inline void note_inside(const T* x, uint64_t* words, int64_t count, float low, float high) {
  for (int64_t i = 0; i < count; i += 64) {
    words[i / 64] =
        count - i >= 64 ? inside_bits(x + i, 64, low, high) : inside_bits(x + i, count - i, low, high);
  }
}

/// Quantizes `count` elements of which the first is number first_element of its tensor.
template <typename T, typename Quantizer>
inline void map_elements(const T* x, T* y, int64_t count, RandomStream stream, int64_t first_element,
                         RangeMask mask, Stores stores, Quantizer quantize) {
  alignas(64) uint32_t words[Quantizer::random ? chunk + 4 : 1];
  alignas(64) T values[chunk];
  // What is written past the caches at once: whole lines, and whole words of the mask.
  const int64_t line = mask.words != nullptr ? 64 : 64 / static_cast<int64_t>(sizeof(T));
  int64_t done = 0;
  while (done < count) {
    int64_t size = count - done < chunk ? count - done : chunk;
    bool past_caches = false;
    if (stores == Stores::streaming && size >= line) {
      const auto misalignment = static_cast<int64_t>(reinterpret_cast<uintptr_t>(y + done) % 64 / sizeof(T));
      if (misalignment == 0) {
        size -= size % line;
        past_caches = true;
      } else if (mask.words == nullptr) {  // a mask's words begin where chunks do
        size = line - misalignment;
      }
    }
    if (mask.words != nullptr) note_inside(x + done, mask.words + done / 64, size, mask.low, mask.high);
    const uint32_t* own_words = words;
    if constexpr (Quantizer::random) {
      const uint64_t element = static_cast<uint64_t>(first_element + done);
      const int64_t skipped = static_cast<int64_t>(element % 4);
      philox_words(stream, element / 4, words, (skipped + size + 3) / 4);
      own_words = words + skipped;
    }
    map_chunk(x + done, past_caches ? values : y + done, size, own_words, quantize);
    if (past_caches) stream_chunk(values, y + done, size);
    done += size;
  }
#if defined(__AVX2__)
  if (stores == Stores::streaming) _mm_sfence();
#endif
}

template <typename T>
void quantize_elements(const T* x, T* y, int64_t count, const Quantization& quantization,
                       int64_t first_element, RangeMask mask, Stores stores) {
  with_quantizer(quantization.format, quantization.rounding, [&](auto quantizer) {
    map_elements(x, y, count, quantization.stream, first_element, mask, stores, quantizer);
  });
}

template <typename T>
void ternarize_elements(const T* x, T* y, int64_t count, TernaryScales scales, Stores stores) {
  map_elements(x, y, count, RandomStream{}, 0, RangeMask{}, stores, TernaryQuantizer{scales});
}

template <typename T>
void range_gradient_elements(const T* gradient, const T* x, T* y, int64_t count, float low, float high) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const float value = to_float(x[i]);
    const bool inside = value >= low && value <= high;
    y[i] = inside ? gradient[i] : T{};
  }
}

template <typename T>
void apply_mask_elements(const T* gradient, const uint64_t* mask, T* y, int64_t count) {
  for (int64_t first = 0; first < count; first += 64) {
    const uint64_t bits = mask[first / 64];
    const uint32_t halves[2] = {static_cast<uint32_t>(bits), static_cast<uint32_t>(bits >> 32)};
    const int64_t size = count - first < 64 ? count - first : 64;
    const T* from = gradient + first;
    T* to = y + first;
    for (int half = 0; half < 2; ++half) {
      const int64_t begin = 32 * half;
      const int64_t end = size < begin + 32 ? size : begin + 32;
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) to[i] = ((halves[half] >> (i - begin)) & 1u) != 0 ? from[i] : T{};
    }
  }
}

void clamp_elements(float* x, int64_t count, float low, float high) {
  for (int64_t first = 0; first < count; first += chunk) {
    const int64_t size = count - first < chunk ? count - first : chunk;
    float* const values = x + first;
    int outside = 0;
    for (int64_t i = 0; i < size; ++i) outside |= values[i] >= low && values[i] <= high ? 0 : 1;
    if (outside == 0) continue;
    for (int64_t i = 0; i < size; ++i) {
      const float above = values[i] < low ? low : values[i];
      values[i] = above > high ? high : above;
    }
  }
}

template <typename T>
constexpr ElementwiseFunctions<T> functions = {quantize_elements<T>, ternarize_elements<T>,
                                               range_gradient_elements<T>, apply_mask_elements<T>};

}  // namespace

extern const ElementwiseTier KONES_TIER_TABLE(elementwise);
const ElementwiseTier KONES_TIER_TABLE(elementwise) = {functions<float>, functions<Float16>,
                                                       functions<BFloat16>, clamp_elements};

}  // namespace kones::kernels
