// Convolutions of integers in one tier. CMake compiles this file once a tier, for its instruction set and
// with KONES_TIER its name. All but the table has internal linkage, and all that it includes is inlined.
#include "kones/kernels/tiers/integer_conv2d.h"

#include <type_traits>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kones/kernels/tiers/table.h"

namespace kones::kernels {
namespace {

// A product says how a step of one pixel's activations and a vector of weights are multiplied, and how the
// sums, of integer_vector outputs, are kept. Additions are modulo 2^32, or 2^64 where they are of int64.
// tile_pixels(vectors) is how many pixels' sums there are registers for.

/// In plain C++. Activation is uint8_t, int16_t or int32_t.
template <typename Activation, typename Weight, typename Sum>
struct PlainProduct {
  using Result = Sum;
  using Unsigned = std::make_unsigned_t<Sum>;
  static constexpr int elements = integer_step / sizeof(Activation);
  struct Step {
    Activation elements[PlainProduct::elements];
  };
  struct Weights {
    Weight elements[integer_vector * PlainProduct::elements];
  };
  struct Sums {
    Unsigned lanes[integer_vector];
  };
  static constexpr int max_vectors = 1;
  static constexpr int tile_pixels(int) { return 2; }

  static Step load_step(const uint8_t* from) {
    Step step;
    __builtin_memcpy(&step, from, sizeof(step));
    return step;
  }
  static Weights load_weights(const int8_t* from) {
    Weights weights;
    __builtin_memcpy(&weights, from, sizeof(weights));
    return weights;
  }
  static Sums zero() { return {}; }
  static void add(Sums& sums, const Step& step, const Weights& weights) {
    for (int lane = 0; lane < integer_vector; ++lane)
      for (int i = 0; i < elements; ++i)
        sums.lanes[lane] +=
            static_cast<Unsigned>(Sum{step.elements[i]} * Sum{weights.elements[lane * elements + i]});
  }
  static void finish(const Sums& sums, int64_t outputs, const int32_t* scale, const Sum* before, Sum* to) {
    for (int64_t o = 0; o < outputs; ++o) {
      to[o] = static_cast<Sum>(static_cast<Unsigned>(before[o]) +
                               sums.lanes[o] * static_cast<Unsigned>(Sum{scale[o]}));
    }
  }
};

#if defined(__AVX512F__)

/// What products of AVX-512 have in common.
struct WideProduct {
  using Result = int32_t;
  using Step = __m512i;
  using Weights = __m512i;
  using Sums = __m512i;
  static constexpr int max_vectors = 4;
  static constexpr int tile_pixels(int vectors) { return vectors == 4 ? 6 : 8; }

  static __m512i load_step(const uint8_t* from) {
    int32_t step;
    __builtin_memcpy(&step, from, sizeof(step));
    return _mm512_set1_epi32(step);
  }
  static __m512i load_weights(const int8_t* from) { return _mm512_load_si512(from); }
  static __m512i zero() { return _mm512_setzero_si512(); }
  static void finish(__m512i sums, int64_t outputs, const int32_t* scale, const int32_t* before,
                     int32_t* to) {
    const auto lanes = static_cast<__mmask16>((1u << outputs) - 1);
    const __m512i scaled = _mm512_mullo_epi32(sums, _mm512_loadu_si512(scale));
    const __m512i first = _mm512_maskz_loadu_epi32(lanes, before);
    _mm512_mask_storeu_epi32(to, lanes, _mm512_add_epi32(scaled, first));
  }
};

struct Halves : WideProduct {
  static void add(__m512i& sums, __m512i step, __m512i weights) {
#if defined(__AVX512VNNI__)
    asm("vpdpwssd %2, %1, %0" : "+v"(sums) : "v"(step), "v"(weights));
#else
    // 2^31, the sum of two products of -32768 by itself, is -2^31 modulo 2^32.
    sums = _mm512_add_epi32(sums, _mm512_madd_epi16(step, weights));
#endif
  }
};

#if defined(__AVX512VNNI__)
struct Bytes : WideProduct {
  static void add(__m512i& sums, __m512i step, __m512i weights) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(step), "v"(weights));
  }
};
#endif

#elif defined(__AVX2__)

struct Halves {
  using Result = int32_t;
  using Step = __m256i;
  struct Weights {
    __m256i low;
    __m256i high;
  };
  using Sums = Weights;
  static constexpr int max_vectors = 1;
  static constexpr int tile_pixels(int) { return 6; }

  static Step load_step(const uint8_t* from) {
    int32_t step;
    __builtin_memcpy(&step, from, sizeof(step));
    return _mm256_set1_epi32(step);
  }
  static __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
  static void store(void* to, __m256i numbers) { _mm256_storeu_si256(static_cast<__m256i*>(to), numbers); }
  static Weights load_weights(const int8_t* from) { return {load(from), load(from + sizeof(__m256i))}; }
  static Sums zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static void add(Sums& sums, const Step& step, const Weights& weights) {
    // 2^31, the sum of two products of -32768 by itself, is -2^31 modulo 2^32.
    sums = {_mm256_add_epi32(sums.low, _mm256_madd_epi16(step, weights.low)),
            _mm256_add_epi32(sums.high, _mm256_madd_epi16(step, weights.high))};
  }
  static void finish(const Sums& sums, int64_t outputs, const int32_t* scale, const int32_t* before,
                     int32_t* to) {
    const __m256i low = _mm256_mullo_epi32(sums.low, load(scale));
    const __m256i high = _mm256_mullo_epi32(sums.high, load(scale + integer_vector / 2));
    if (outputs == integer_vector) {
      store(to, _mm256_add_epi32(low, load(before)));
      store(to + integer_vector / 2, _mm256_add_epi32(high, load(before + integer_vector / 2)));
      return;
    }
    uint32_t scaled[integer_vector];
    store(scaled, low);
    store(scaled + integer_vector / 2, high);
    for (int64_t o = 0; o < outputs; ++o)
      to[o] = static_cast<int32_t>(static_cast<uint32_t>(before[o]) + scaled[o]);
  }
};

#else

using Halves = PlainProduct<int16_t, int16_t, int32_t>;
using Bytes = PlainProduct<uint8_t, int8_t, int32_t>;

#endif

using Words = PlainProduct<int32_t, int32_t, int64_t>;

/// function(0), function(1) .. with the numbers as constants, so that arrays become registers.
template <typename Function, int... Numbers>
[[gnu::always_inline]] inline void for_each_of(const Function& function,
                                               std::integer_sequence<int, Numbers...>) {
  (function(std::integral_constant<int, Numbers>()), ...);
}
template <int Count, typename Function>
[[gnu::always_inline]] inline void for_each(const Function& function) {
  for_each_of(function, std::make_integer_sequence<int, Count>());
}
#define KONES_INLINED __attribute__((always_inline))

/// Pixels first .. first + Pixels - 1 of a panel of `Vectors` vectors.
template <typename Product, int Vectors, int Pixels>
void multiply_tile(const IntegerRows<typename Product::Result>& rows, int64_t first) {
  const uint8_t* windows[Pixels];
  typename Product::Sums sums[Pixels * Vectors];
  for_each<Pixels>([&](auto p) KONES_INLINED {
    windows[p] = rows.activations + rows.pixel_offsets[first + p];
    for_each<Vectors>([&](auto v) KONES_INLINED { sums[p * Vectors + v] = Product::zero(); });
  });
  const int8_t* next = rows.weights;
  const int64_t* offset = rows.step_offsets;
  const int64_t* const end = offset + rows.steps;
  do {
    typename Product::Weights weights[Vectors];
    for_each<Vectors>([&](auto v) KONES_INLINED {
      weights[v] = Product::load_weights(next + v * integer_vector * integer_step);
    });
    next += Vectors * integer_vector * integer_step;
    for_each<Pixels>([&](auto p) KONES_INLINED {
      const typename Product::Step step = Product::load_step(windows[p] + *offset);
      for_each<Vectors>([&](auto v) KONES_INLINED { Product::add(sums[p * Vectors + v], step, weights[v]); });
    });
  } while (++offset != end);
  for_each<Vectors>([&](auto v) KONES_INLINED {
    constexpr int o = v * integer_vector;
    const int64_t outputs = v + 1 < Vectors ? integer_vector : rows.outputs - o;
    for_each<Pixels>([&](auto p) KONES_INLINED {
      auto* const to = rows.sums + (first + p) * rows.sum_stride + o;
      Product::finish(sums[p * Vectors + v], outputs, rows.scale + o,
                      rows.first_sums == nullptr ? to : rows.first_sums + o, to);
    });
  });
}

/// All pixels, in tiles of nearly the same size.
template <typename Product, int Vectors, int... Sizes>
void multiply_panel(const IntegerRows<typename Product::Result>& rows, std::integer_sequence<int, Sizes...>) {
  using Tile = void (*)(const IntegerRows<typename Product::Result>&, int64_t);
  static constexpr Tile tiles_of_sizes[] = {multiply_tile<Product, Vectors, Sizes + 1>...};
  constexpr int64_t most = sizeof...(Sizes);
  const int64_t tiles = (rows.pixels + most - 1) / most;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t begin = rows.pixels * tile / tiles;
    const int64_t end = rows.pixels * (tile + 1) / tiles;
    tiles_of_sizes[end - begin - 1](rows, begin);
  }
}

template <typename Product, int Vectors>
void multiply(const IntegerRows<typename Product::Result>& rows) {
  if constexpr (Vectors > 1) {
    if (rows.vectors < Vectors) return multiply<Product, Vectors - 1>(rows);
  }
  multiply_panel<Product, Vectors>(rows, std::make_integer_sequence<int, Product::tile_pixels(Vectors)>());
}

}  // namespace

extern const IntegerTier KONES_TIER_TABLE(integer);
const IntegerTier KONES_TIER_TABLE(integer) = {
    Halves::max_vectors,
#if !defined(__AVX2__) || defined(__AVX512VNNI__)
    multiply<Bytes, Bytes::max_vectors>,
#else
    nullptr,
#endif
    multiply<Halves, Halves::max_vectors>, multiply<Words, Words::max_vectors>};

}  // namespace kones::kernels
