// Convolutions of signs in one tier. CMake compiles this file once a tier, for its instruction set and with
// KONES_TIER its name. All but the table has internal linkage, and all that it includes is inlined.
#include "kones/kernels/tiers/xnor_conv2d.h"

#include <type_traits>

#include "kones/kernels/tiers/count_bits.h"
#include "kones/kernels/tiers/table.h"

namespace kones::kernels {
namespace {

template <typename Vector>
inline Vector load(const void* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof(vector));
  return vector;
}

inline PanelFloats positive_or(PanelFloats value, PanelFloats otherwise) {
  return value < 0.0f ? otherwise : value;
}

/// Bit o is whether lane o of a comparison's result is true.
inline uint32_t lane_bits(PanelIntegers lanes) {
#if defined(__AVX512DQ__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(lanes));
#elif defined(__AVX2__)
  const auto half = [&lanes](int first) {
    return static_cast<uint32_t>(
        _mm256_movemask_ps(load<__m256>(reinterpret_cast<int32_t*>(&lanes) + first)));
  };
  return half(0) | half(8) << 8;
#else
  uint32_t bits = 0;
  for (int o = 0; o < xnor_panel; ++o) bits |= static_cast<uint32_t>(lanes[o] & 1) << o;
  return bits;
#endif
}

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

/// Adds a pixel's sign bits to its words.
template <typename T>
inline void add_sign_bits(const XnorRow<T>& row, int64_t pixel, PanelIntegers negative) {
  const uint64_t bits = lane_bits(negative) & ((1u << row.outputs) - 1u);
  uint64_t* word = row.sign_words + pixel * row.word_stride;
  word[0] |= bits << row.first_bit;
  if (row.first_bit + row.outputs > 64) word[1] |= bits >> (64 - row.first_bit);
}

/// The values of a pixel, from where they are to neighbours and back.
template <typename T>
inline void gather(const T* from, int64_t stride, int64_t outputs, T* to) {
  if (stride == 1 && outputs == xnor_panel) {
    __builtin_memcpy(to, from, xnor_panel * sizeof(T));
  } else {
    for (int64_t o = 0; o < outputs; ++o) to[o] = from[o * stride];
  }
}

/// All that XnorRow may ask for, for pixels first .. first + pixels - 1 whose sums are given.
template <typename T>
[[gnu::noinline]] void finish_tile(const XnorRow<T>& row, int64_t first, int pixels,
                                   const PanelIntegers* sums) {
  const XnorPanel& panel = *row.panel;
  alignas(64) T values[tile_pixels][xnor_panel];
  for (int p = 0; p < pixels; ++p) {
    const int64_t offset = (first + p) * row.value_pixel_stride;
    if constexpr (std::is_same_v<T, int32_t>) {
      __builtin_memcpy(values[p], &sums[p], sizeof(sums[p]));
    } else if (!row.from_sums || row.values != nullptr) {
      alignas(64) float numbers[xnor_panel];
      PanelFloats value = scaled(panel, sums[p]);
      if (!row.is_plain) {
        if (row.residual != nullptr) {
          T residual[xnor_panel] = {};
          gather(row.residual + offset, row.value_channel_stride, row.outputs, residual);
          for (int o = 0; o < xnor_panel; ++o) numbers[o] = to_float(residual[o]);
          value += load<PanelFloats>(numbers);
        }
        value = finished(panel, row.activation, value);
      }
      __builtin_memcpy(numbers, &value, sizeof(value));
      for (int o = 0; o < xnor_panel; ++o) values[p][o] = from_float<T>(numbers[o]);
    }
    if (row.sign_words == nullptr) continue;
    PanelIntegers negative = {};
    if (row.from_sums) {
      negative = (sums[p] < load<PanelIntegers>(panel.threshold)) ^ load<PanelIntegers>(panel.flipped);
    } else if constexpr (!std::is_same_v<T, int32_t>) {
      alignas(64) float numbers[xnor_panel];
      for (int o = 0; o < xnor_panel; ++o) numbers[o] = to_float(values[p][o]);
      negative = load<PanelFloats>(numbers) < load<PanelFloats>(panel.sign_threshold);
    }
    add_sign_bits(row, first + p, negative);
  }
  if (row.values == nullptr) return;
  T* const to = row.values + first * row.value_pixel_stride;
  if (row.value_channel_stride == 1) {
    for (int p = 0; p < pixels; ++p) {
      if (row.outputs == xnor_panel) {
        __builtin_memcpy(to + p * row.value_pixel_stride, values[p], sizeof(values[p]));
      } else {
        for (int64_t o = 0; o < row.outputs; ++o) to[p * row.value_pixel_stride + o] = values[p][o];
      }
    }
  } else {
    for (int64_t o = 0; o < row.outputs; ++o) {
      for (int p = 0; p < pixels; ++p)
        to[p * row.value_pixel_stride + o * row.value_channel_stride] = values[p][o];
    }
  }
}

/// Whether there is nothing to do but to scale the sums of a whole panel and to put them side by side.
inline bool only_scales(const XnorRow<float>& row) {
  return row.is_plain && row.values != nullptr && row.value_channel_stride == 1 && row.outputs == xnor_panel;
}

/// `Pixels` pixels of the row from number `first` on.
template <int Pixels, bool OnlyScales, typename T>
inline void compute_tile(const XnorRow<T>& row, int64_t first) {
  PanelIntegers sums[Pixels];
  count_tile<Pixels>(row.activations + first * row.pixel_stride, row.pixel_stride, row.offsets, row.words,
                     row.weights, sums);
  const int32_t* classes = row.classes + first;
  KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
    sums[p] = load<PanelIntegers>(row.first_sums + classes[p] * row.first_sums_stride) - 2 * sums[p];
  }
  if constexpr (OnlyScales) {
    const int64_t stride = row.value_pixel_stride;
    T* to = row.values + first * stride;
    const PanelFloats scale = load<PanelFloats>(row.panel->scale);
    const PanelFloats bias = load<PanelFloats>(row.panel->bias);
    KONES_UNROLL for (int p = 0; p < Pixels; ++p) {
      const PanelFloats value = __builtin_convertvector(sums[p], PanelFloats) * scale + bias;
      __builtin_memcpy(to + p * stride, &value, sizeof(value));
    }
  } else {
    finish_tile(row, first, Pixels, sums);
  }
}

/// The widest tiles that there are room for, as equal as can be: a tile of one pixel takes as long as one of
/// several.
template <int Pixels, bool OnlyScales, typename T>
inline void compute_tiles(const XnorRow<T>& row, int64_t tiles, int64_t pixels) {
  if (pixels != Pixels) {
    if constexpr (Pixels > 1) compute_tiles<Pixels - 1, OnlyScales>(row, tiles, pixels);
    return;
  }
  // The first `wide` tiles have Pixels pixels, the others one less.
  const int64_t wide = row.pixels - tiles * (Pixels - 1);
  int64_t first = 0;
  for (int64_t tile = 0; tile < wide; ++tile, first += Pixels) compute_tile<Pixels, OnlyScales>(row, first);
  if constexpr (Pixels > 1) {
    for (int64_t tile = wide; tile < tiles; ++tile, first += Pixels - 1)
      compute_tile<Pixels - 1, OnlyScales>(row, first);
  }
}

template <typename T>
void compute_row(const XnorRow<T>& row) {
  const int64_t tiles = (row.pixels + tile_pixels - 1) / tile_pixels;
  const int64_t pixels = (row.pixels + tiles - 1) / tiles;
  if constexpr (std::is_same_v<T, float>) {
    if (only_scales(row)) return compute_tiles<tile_pixels, true>(row, tiles, pixels);
  }
  compute_tiles<tile_pixels, false>(row, tiles, pixels);
}

}  // namespace

extern const XnorTier KONES_TIER_TABLE(xnor);
const XnorTier KONES_TIER_TABLE(xnor) = {compute_row<float>, compute_row<Float16>, compute_row<BFloat16>,
                                         compute_row<int32_t>};

}  // namespace kones::kernels
