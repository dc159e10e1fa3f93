// Convolutions of signs in one tier. CMake compiles this file once a tier, for its instruction set and with
// KONES_TIER its name. All but the table has internal linkage, and all that it includes is inlined.
#include "kones/kernels/tiers/xnor_conv2d.h"

#include <type_traits>

#include "kones/kernels/tiers/count_bits.h"
#include "kones/kernels/tiers/table.h"

namespace kones::kernels {
namespace {

/// What a value is stored as, and read back to make signs and to add residuals.
template <typename T>
inline T stored(float value) {
  return from_float<T>(value);
}

/// The values of one pixel from its sums.
template <typename T>
inline void finish_pixel(const XnorRow<T>& row, int64_t pixel, const int32_t* sums, T* values) {
  if constexpr (std::is_same_v<T, int32_t>) {
    for (int o = 0; o < xnor_panel; ++o) values[o] = sums[o];
  } else {
    const XnorPanel& panel = *row.panel;
    float value[xnor_panel];
    for (int o = 0; o < xnor_panel; ++o) value[o] = xnor_scaled_sum(sums[o], panel.scale[o], panel.bias[o]);
    if (!row.is_plain) {
      if (row.residual != nullptr) {
        const T* residual = row.residual + pixel * row.value_pixel_stride;
        if (row.value_channel_stride == 1 && row.outputs == xnor_panel) {
          for (int o = 0; o < xnor_panel; ++o) value[o] += to_float(residual[o]);
        } else {
          for (int64_t o = 0; o < row.outputs; ++o)
            value[o] += to_float(residual[o * row.value_channel_stride]);
        }
      }
      if (row.activation == XnorActivation::relu) {
        for (int o = 0; o < xnor_panel; ++o) value[o] = xnor_activate(value[o], XnorActivation::relu, 0.0f);
      } else if (row.activation == XnorActivation::prelu) {
        for (int o = 0; o < xnor_panel; ++o)
          value[o] = xnor_activate(value[o], XnorActivation::prelu, panel.slope[o]);
      }
      for (int o = 0; o < xnor_panel; ++o) value[o] += panel.shift[o];
    }
    for (int o = 0; o < xnor_panel; ++o) values[o] = stored<T>(value[o]);
  }
}

/// The sign bits of one pixel, bit o for output o of the panel.
template <typename T>
inline uint32_t sign_bits(const XnorRow<T>& row, const int32_t* sums, const T* values) {
  const XnorPanel& panel = *row.panel;
  uint32_t bits = 0;
  if (row.from_sums) {
    for (int o = 0; o < xnor_panel; ++o)
      bits |= ((sums[o] < panel.threshold[o] ? 1u : 0u) ^ panel.flipped[o]) << o;
  } else if constexpr (!std::is_same_v<T, int32_t>) {
    for (int o = 0; o < xnor_panel; ++o)
      bits |= (to_float(values[o]) < panel.sign_threshold[o] ? 1u : 0u) << o;
  }
  return bits & ((1u << row.outputs) - 1u);
}

/// `Pixels` pixels of the row from number `first` on.
template <int Pixels, typename T>
inline void compute_tile(const XnorRow<T>& row, int64_t first) {
  alignas(64) int32_t counts[Pixels][xnor_panel];
  count_tile<Pixels>(row.activations + first * row.pixel_stride, row.pixel_stride, row.offsets, row.words,
                     row.weights, counts);
  alignas(64) T values[Pixels][xnor_panel];
  const bool whole = row.value_channel_stride == 1 && row.outputs == xnor_panel;
  for (int p = 0; p < Pixels; ++p) {
    const int64_t pixel = first + p;
    const int32_t* first_sums = row.first_sums + row.classes[pixel] * row.first_sums_stride;
    int32_t sums[xnor_panel];
    for (int o = 0; o < xnor_panel; ++o) sums[o] = first_sums[o] - 2 * counts[p][o];
    finish_pixel(row, pixel, sums, values[p]);
    if (row.values != nullptr && whole) {
      T* to = row.values + pixel * row.value_pixel_stride;
      for (int o = 0; o < xnor_panel; ++o) to[o] = values[p][o];
    }
    if (row.sign_words != nullptr) {
      const uint64_t bits = sign_bits(row, sums, values[p]);
      uint64_t* word = row.sign_words + pixel * row.word_stride;
      word[0] |= bits << row.first_bit;
      if (row.first_bit + row.outputs > 64) word[1] |= bits >> (64 - row.first_bit);
    }
  }
  if (row.values == nullptr || whole) return;
  for (int64_t o = 0; o < row.outputs; ++o) {
    T* to = row.values + first * row.value_pixel_stride + o * row.value_channel_stride;
    for (int p = 0; p < Pixels; ++p) to[p * row.value_pixel_stride] = values[p][o];
  }
}

template <int Pixels, typename T>
inline void compute_tile_of(const XnorRow<T>& row, int64_t first, int64_t pixels) {
  if (pixels == Pixels) return compute_tile<Pixels>(row, first);
  if constexpr (Pixels > 1) compute_tile_of<Pixels - 1>(row, first, pixels);
}

template <typename T>
void compute_row(const XnorRow<T>& row) {
  // As few tiles as there can be, of sizes as equal as can be: a tile of one pixel takes as long as one of
  // several.
  const int64_t tiles = (row.pixels + tile_pixels - 1) / tile_pixels;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t first = tile * row.pixels / tiles;
    compute_tile_of<tile_pixels>(row, first, (tile + 1) * row.pixels / tiles - first);
  }
}

}  // namespace

extern const XnorTier KONES_TIER_TABLE(xnor);
const XnorTier KONES_TIER_TABLE(xnor) = {compute_row<float>, compute_row<Float16>, compute_row<BFloat16>,
                                         compute_row<int32_t>};

}  // namespace kones::kernels
