// Convolutions of signs in one tier. CMake compiles this file once a tier, for its instruction set and with
// KONES_TIER its name. All but the table has internal linkage, and all that it includes is inlined.
#include "kones/kernels/tiers/xnor_conv2d.h"

#include <type_traits>

#include "kones/kernels/tiers/count_bits.h"
#include "kones/kernels/tiers/table.h"
#include "kones/kernels/tiers/transpose.h"

namespace kones::kernels {
namespace {

template <typename Vector>
inline Vector load(const void* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof(vector));
  return vector;
}

#if defined(__AVX512F__)

/// Bit o is whether a[o] < b[o].
inline uint32_t bits_below(PanelIntegers a, PanelIntegers b) {
  return _mm512_cmplt_epi32_mask(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b));
}
inline uint32_t bits_below(PanelFloats a, PanelFloats b) {
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), _CMP_LT_OQ);
}

inline PanelFloats positive_or(PanelFloats value, PanelFloats otherwise) {
  return value < 0.0f ? otherwise : value;
}

#elif defined(__AVX2__)

// GCC compares vectors longer than the machine's lane by lane; these are two of eight lanes.
template <typename Vector, typename Panel>
inline Vector half_panel(const Panel& panel, int half) {
  return load<Vector>(reinterpret_cast<const char*>(&panel) + half * sizeof(Vector));
}

/// Bit o is whether a[o] < b[o].
inline uint32_t bits_below(PanelIntegers a, PanelIntegers b) {
  const auto bits = [&](int half) {
    const __m256i below = _mm256_cmpgt_epi32(half_panel<__m256i>(b, half), half_panel<__m256i>(a, half));
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(below)));
  };
  return bits(0) | bits(1) << 8;
}
inline uint32_t bits_below(PanelFloats a, PanelFloats b) {
  const auto bits = [&](int half) {
    return static_cast<uint32_t>(_mm256_movemask_ps(
        _mm256_cmp_ps(half_panel<__m256>(a, half), half_panel<__m256>(b, half), _CMP_LT_OQ)));
  };
  return bits(0) | bits(1) << 8;
}

inline PanelFloats positive_or(PanelFloats value, PanelFloats otherwise) {
  for (int half = 0; half < 2; ++half) {
    const __m256 lanes = half_panel<__m256>(value, half);
    const __m256 chosen = _mm256_blendv_ps(lanes, half_panel<__m256>(otherwise, half),
                                           _mm256_cmp_ps(lanes, _mm256_setzero_ps(), _CMP_LT_OQ));
    __builtin_memcpy(reinterpret_cast<char*>(&value) + half * sizeof(chosen), &chosen, sizeof(chosen));
  }
  return value;
}

#else

/// Bit o is whether a[o] < b[o].
template <typename Panel>
inline uint32_t bits_below(Panel a, Panel b) {
  uint32_t bits = 0;
  for (int o = 0; o < xnor_panel; ++o) bits |= static_cast<uint32_t>(a[o] < b[o]) << o;
  return bits;
}

inline PanelFloats positive_or(PanelFloats value, PanelFloats otherwise) {
  return value < 0.0f ? otherwise : value;
}

#endif

inline PanelFloats scaled(const XnorPanel& panel, PanelIntegers sums) {
  return __builtin_convertvector(sums, PanelFloats) * load<PanelFloats>(panel.scale) +
         load<PanelFloats>(panel.bias);
}

/// What follows the scaling in XnorEpilogue.
inline PanelFloats finished(const XnorPanel& panel, XnorActivation activation, PanelFloats value) {
  switch (activation) {
    case XnorActivation::none:
      break;
    case XnorActivation::relu:
      value = positive_or(value, PanelFloats{});
      break;
    case XnorActivation::prelu:
      value = positive_or(value, value * load<PanelFloats>(panel.slope));
      break;
  }
  return value + load<PanelFloats>(panel.shift);
}

/// Adds the sign bits of pixels first, first + 1 ..., of which those of outputs past the last do not count,
/// to their words.
inline void add_sign_bits(const XnorRowSums& row, int64_t first, int pixels, const uint32_t* negative) {
  const int64_t stride = row.word_stride;
  uint64_t* const words = row.sign_words + first * stride;
  const uint64_t valid = (uint64_t{1} << row.outputs) - 1;
  const int shift = row.first_bit;
  const bool crosses = shift + row.outputs > 64;
  for (int p = 0; p < pixels; ++p) words[p * stride] |= (negative[p] & valid) << shift;
  if (!crosses) return;
  for (int p = 0; p < pixels; ++p) words[p * stride + 1] |= (negative[p] & valid) >> (64 - shift);
}

/// The first `outputs` of a panel's elements.
template <typename T>
inline void copy_outputs(const T* from, int64_t outputs, T* to) {
  if (outputs == xnor_panel) {
    __builtin_memcpy(to, from, xnor_panel * sizeof(T));
  } else {
    for (int64_t o = 0; o < outputs; ++o) to[o] = from[o];
  }
}

/// to_float and xnor_stored of `count` elements. Loops over many, of which the compiler makes vectors.
template <typename T>
inline void widen(const T* values, int count, float* numbers) {
#pragma GCC ivdep
  for (int i = 0; i < count; ++i) numbers[i] = to_float(values[i]);
}
template <typename T>
inline void store_numbers(const float* numbers, int count, T* values) {
#pragma GCC ivdep
  for (int i = 0; i < count; ++i) values[i] = from_float<T>(numbers[i]);
  if constexpr (sizeof(T) == 2) {
#pragma GCC ivdep
    for (int i = 0; i < count; ++i) values[i].bits = values[i].bits == 0x8000 ? 0 : values[i].bits;
  }
}

/// The sign bits that sums come to.
inline uint32_t bits_of_sums(const XnorPanel& panel, PanelIntegers sums) {
  return bits_below(sums, load<PanelIntegers>(panel.threshold)) ^ panel.flipped;
}

/// The values of pixels first .. first + pixels - 1 whose sums are given, [pixels][xnor_panel], and the
/// numbers that they are.
template <typename T>
inline void make_values(const XnorRow<T>& row, int64_t first, int pixels, const PanelIntegers* sums,
                        float* numbers, T* values) {
  const XnorPanel& panel = *row.panel;
  const int count = pixels * xnor_panel;
  if (row.residual != nullptr) {
    for (int p = 0; p < pixels; ++p)
      copy_outputs(row.residual + (first + p) * row.value_pixel_stride, row.outputs, values + p * xnor_panel);
    widen(values, count, numbers);
  }
  for (int p = 0; p < pixels; ++p) {
    float* const own = numbers + p * xnor_panel;
    PanelFloats value = scaled(panel, sums[p]);
    if (!row.is_plain) {
      if (row.residual != nullptr) value += load<PanelFloats>(own);
      value = finished(panel, row.activation, value);
    }
    __builtin_memcpy(own, &value, sizeof(value));
  }
  store_numbers(numbers, count, values);
  if (sizeof(T) != sizeof(float) && row.sign_words != nullptr) widen(values, count, numbers);
}

/// All that XnorRow may ask for, for pixels first .. first + pixels - 1 whose sums are given; channels last.
template <typename T>
[[gnu::noinline]] void finish_tile(const XnorRow<T>& row, int64_t first, int pixels,
                                   const PanelIntegers* sums) {
  const XnorPanel& panel = *row.panel;
  alignas(64) T values[tile_pixels * xnor_panel] = {};
  alignas(64) float numbers[tile_pixels * xnor_panel];
  if constexpr (std::is_same_v<T, int32_t>) {
    __builtin_memcpy(values, sums, pixels * sizeof(sums[0]));
  } else if (!row.from_sums || row.values != nullptr) {
    make_values(row, first, pixels, sums, numbers, values);
  }
  if (row.values != nullptr) {
    for (int p = 0; p < pixels; ++p)
      copy_outputs(values + p * xnor_panel, row.outputs, row.values + (first + p) * row.value_pixel_stride);
  }
  if (row.sign_words == nullptr) return;
  uint32_t negative[tile_pixels] = {};
  for (int p = 0; p < pixels; ++p) {
    if (row.from_sums) {
      negative[p] = bits_of_sums(panel, sums[p]);
    } else if constexpr (!std::is_same_v<T, int32_t>) {
      negative[p] =
          bits_below(load<PanelFloats>(numbers + p * xnor_panel), load<PanelFloats>(panel.sign_threshold));
    }
  }
  add_sign_bits(row, first, pixels, negative);
}

/// Whether there is nothing to do but to scale the sums of a whole panel and to put them side by side.
inline bool only_scales(const XnorRow<float>& row) {
  return row.is_plain && row.values != nullptr && row.outputs == xnor_panel;
}

/// What becomes of a tile's sums: values that are but scaled, ...
struct ScaledValues {
  template <int Pixels>
  static void finish(const XnorRow<float>& row, int64_t first, const PanelIntegers (&sums)[Pixels]) {
    const int64_t stride = row.value_pixel_stride;
    float* to = row.values + first * stride;
    const PanelFloats scale = load<PanelFloats>(row.panel->scale);
    const PanelFloats bias = load<PanelFloats>(row.panel->bias);
    KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
      const PanelFloats value = __builtin_convertvector(sums[p], PanelFloats) * scale + bias;
      __builtin_memcpy(to + p * stride, &value, sizeof(value));
    }
  }
};

/// ... sign bits straight from the sums, ...
struct SignsOfSums {
  template <int Pixels>
  static void finish(const XnorRowSums& row, int64_t first, const PanelIntegers (&sums)[Pixels]) {
    uint32_t negative[Pixels];
    KONES_UNROLL for (int p = 0; p < Pixels; ++p) negative[p] = bits_of_sums(*row.panel, sums[p]);
    add_sign_bits(row, first, Pixels, negative);
  }
};

/// ... or all else.
struct AnyResults {
  template <int Pixels, typename T>
  static void finish(const XnorRow<T>& row, int64_t first, const PanelIntegers (&sums)[Pixels]) {
    finish_tile(row, first, Pixels, sums);
  }
};

/// `Pixels` pixels of the row from number `first` on.
template <int Pixels, typename Results, typename Row>
inline void compute_tile(const Row& row, int64_t first) {
  PanelIntegers sums[Pixels];
  count_tile<Pixels>(row.activations + first * row.pixel_stride, row.pixel_stride, row.offsets, row.words,
                     row.weights, sums);
  const int64_t* column_sums = row.column_sums + first;
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
    sums[p] = load<PanelIntegers>(row.first_sums + column_sums[p]) - 2 * sums[p];
  }
  Results::finish(row, first, sums);
}

/// The widest tiles that there are room for, as equal as can be: a tile of one pixel takes as long as one of
/// several.
template <int Pixels, typename Results, typename Row>
inline void compute_tiles(const Row& row, int64_t tiles, int64_t pixels) {
  if (pixels != Pixels) {
    if constexpr (Pixels > 1) compute_tiles<Pixels - 1, Results>(row, tiles, pixels);
    return;
  }
  // The first `wide` tiles have Pixels pixels, the others one less.
  const int64_t wide = row.pixels - tiles * (Pixels - 1);
  int64_t first = 0;
  for (int64_t tile = 0; tile < wide; ++tile, first += Pixels) compute_tile<Pixels, Results>(row, first);
  if constexpr (Pixels > 1) {
    for (int64_t tile = wide; tile < tiles; ++tile, first += Pixels - 1)
      compute_tile<Pixels - 1, Results>(row, first);
  }
}

template <typename Results, typename Row>
inline void compute_tiles(const Row& row) {
  const int64_t tiles = (row.pixels + tile_pixels - 1) / tile_pixels;
  compute_tiles<tile_pixels, Results>(row, tiles, (row.pixels + tiles - 1) / tiles);
}

/// A row with its values in channels-last order.
template <typename T>
inline void compute_pixels(const XnorRow<T>& row) {
  if constexpr (std::is_same_v<T, float>) {
    if (only_scales(row)) return compute_tiles<ScaledValues>(row);
  }
  compute_tiles<AnyResults>(row);
}

/// A row with its values in channels-first order: some pixels at a time in the other order, then transposed.
template <typename T>
inline void compute_planes(const XnorRow<T>& row) {
  constexpr int64_t most_pixels = 56;
  alignas(64) T values[most_pixels * xnor_panel];
  alignas(64) T residual[most_pixels * xnor_panel];
  XnorRow<T> part = row;
  if (row.values != nullptr) part.values = values;
  part.value_pixel_stride = xnor_panel;
  part.value_channel_stride = 1;
  for (int64_t first = 0; first < row.pixels; first += part.pixels) {
    part.pixels = row.pixels - first < most_pixels ? row.pixels - first : most_pixels;
    part.activations = row.activations + first * row.pixel_stride;
    part.column_sums = row.column_sums + first;
    if (row.sign_words != nullptr) part.sign_words = row.sign_words + first * row.word_stride;
    if (row.residual != nullptr) {
      transpose(row.residual + first, row.outputs, part.pixels, row.value_channel_stride, residual,
                xnor_panel);
      part.residual = residual;
    }
    compute_pixels(part);
    if (row.values != nullptr)
      transpose(values, part.pixels, row.outputs, xnor_panel, row.values + first, row.value_channel_stride);
  }
}

template <typename T>
void compute_row(const XnorRow<T>& row) {
  if (row.values == nullptr && row.from_sums) {
    compute_tiles<SignsOfSums>(static_cast<const XnorRowSums&>(row));
  } else if (row.value_channel_stride == 1 || (row.values == nullptr && row.residual == nullptr)) {
    compute_pixels(row);
  } else {
    compute_planes(row);
  }
}

}  // namespace

extern const XnorTier KONES_TIER_TABLE(xnor);
const XnorTier KONES_TIER_TABLE(xnor) = {compute_row<float>, compute_row<Float16>, compute_row<BFloat16>,
                                         compute_row<int32_t>};

}  // namespace kones::kernels
