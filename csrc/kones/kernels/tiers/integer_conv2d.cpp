// Convolutions of integers in one tier. CMake compiles this file once a tier, for its instruction set and
// with KONES_TIER its name. All but the table has internal linkage, and all that it includes is inlined.
#include "kones/kernels/tiers/integer_conv2d.h"

#include <type_traits>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kones/kernels/tiers/table.h"

namespace kones::kernels {
namespace {

// What a tier multiplies a step of activations and a vector of weights with: its sums, `lanes` of them in a
// register, of which `registers` make integer_vector; and the most vectors and pixels of a tile, the sums of
// which stay in registers. Additions are modulo 2^32, or 2^64.

/// Activation is uint8_t, int16_t or int32_t, and so are weights, but of bytes: they are int8_t.
template <typename Activation, typename Weight, typename Sum>
struct PlainProduct {
  using SumType = Sum;
  using Unsigned = std::make_unsigned_t<Sum>;
  struct Step {
    Activation elements[integer_step / sizeof(Activation)];
  };
  struct Sums {
    Unsigned lanes[integer_vector];
  };
  static constexpr int max_vectors = 1;
  static constexpr int max_pixels = 2;

  static Step load_step(const uint8_t* from) {
    Step step;
    __builtin_memcpy(&step, from, sizeof(step));
    return step;
  }
  static void clear(Sums& sums) {
    for (Unsigned& lane : sums.lanes) lane = 0;
  }
  static void add(Sums& sums, const Step& step, const int8_t* weights) {
    constexpr int elements = integer_step / sizeof(Activation);
    Weight numbers[integer_vector * elements];
    __builtin_memcpy(numbers, weights, sizeof(numbers));
    for (int lane = 0; lane < integer_vector; ++lane) {
      for (int i = 0; i < elements; ++i) {
        sums.lanes[lane] += static_cast<Unsigned>(Sum{step.elements[i]} * Sum{numbers[lane * elements + i]});
      }
    }
  }
  static void finish(const Sums& sums, int64_t outputs, const int32_t* scale, const int32_t* first_sums,
                     Sum* to) {
    for (int64_t o = 0; o < outputs; ++o) {
      const Unsigned before = static_cast<Unsigned>(first_sums == nullptr ? to[o] : Sum{first_sums[o]});
      to[o] = static_cast<Sum>(before + sums.lanes[o] * static_cast<Unsigned>(scale[o]));
    }
  }
};

/// Pixels first .. first + Pixels - 1, for all vectors of the panel.
template <typename Product, int Vectors, int Pixels>
void multiply_tile(const IntegerRows<typename Product::SumType>& rows, int64_t first) {
  const uint8_t* windows[Pixels];
  typename Product::Sums sums[Pixels][Vectors];
  for (int p = 0; p < Pixels; ++p) {
    windows[p] = rows.activations + rows.pixel_offsets[first + p];
    for (int v = 0; v < Vectors; ++v) Product::clear(sums[p][v]);
  }
  const int8_t* weights = rows.weights;
  for (int64_t k = 0; k < rows.steps; ++k) {
    const int64_t offset = rows.step_offsets[k];
    for (int p = 0; p < Pixels; ++p) {
      const auto step = Product::load_step(windows[p] + offset);
      for (int v = 0; v < Vectors; ++v)
        Product::add(sums[p][v], step, weights + v * integer_vector * integer_step);
    }
    weights += Vectors * integer_vector * integer_step;
  }
  for (int v = 0; v < Vectors; ++v) {
    const int64_t o = v * integer_vector;
    const int64_t outputs = rows.outputs - o < integer_vector ? rows.outputs - o : integer_vector;
    for (int p = 0; p < Pixels; ++p) {
      Product::finish(sums[p][v], outputs, rows.scale + o,
                      rows.first_sums == nullptr ? nullptr : rows.first_sums + o,
                      rows.sums + (first + p) * rows.sum_stride + o);
    }
  }
}

/// All pixels of a panel of `Vectors` vectors, the last ones in a smaller tile.
template <typename Product, int Vectors, int Pixels>
void multiply_panel(const IntegerRows<typename Product::SumType>& rows) {
  int64_t first = 0;
  for (; first + Pixels <= rows.pixels; first += Pixels) multiply_tile<Product, Vectors, Pixels>(rows, first);
  if constexpr (Pixels > 1) {
    IntegerRows<typename Product::SumType> rest = rows;
    rest.pixel_offsets += first;
    rest.pixels -= first;
    rest.sums += first * rows.sum_stride;
    if (rest.pixels > 0) multiply_panel<Product, Vectors, Pixels - 1>(rest);
  }
}

template <typename Product, int Vectors>
void multiply(const IntegerRows<typename Product::SumType>& rows) {
  if constexpr (Vectors > 1) {
    if (rows.vectors < Vectors) return multiply<Product, Vectors - 1>(rows);
  }
  multiply_panel<Product, Vectors, Product::max_pixels>(rows);
}

using Bytes = PlainProduct<uint8_t, int8_t, int32_t>;
using Halves = PlainProduct<int16_t, int16_t, int32_t>;
using Words = PlainProduct<int32_t, int32_t, int64_t>;

}  // namespace

extern const IntegerTier KONES_TIER_TABLE(integer);
const IntegerTier KONES_TIER_TABLE(integer) = {Halves::max_vectors, multiply<Bytes, Bytes::max_vectors>,
                                               multiply<Halves, Halves::max_vectors>, multiply<Words, 1>};

}  // namespace kones::kernels
