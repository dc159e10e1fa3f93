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
// sums are kept, those of `lanes` outputs of a vector together. Additions are modulo 2^32, or 2^64 where they
// are of int64. tile_pixels(vectors) is how many pixels' sums there are registers for. settle, after each
// addition and once more after the last, keeps sums in place: GCC 12 would have those of before and after an
// addition in registers of their own, of which there are not enough.

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
  static constexpr int lanes = integer_vector;
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
  static void settle(Sums&) {}
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
  static constexpr int lanes = integer_vector;
  static constexpr int max_vectors = 4;
  static constexpr int tile_pixels(int vectors) { return vectors == 4 ? 6 : 8; }

  static __m512i load_step(const uint8_t* from) {
    int32_t step;
    __builtin_memcpy(&step, from, sizeof(step));
    return _mm512_set1_epi32(step);
  }
  static __m512i load_weights(const int8_t* from) { return _mm512_load_si512(from); }
  static __m512i zero() { return _mm512_setzero_si512(); }
  static void settle(__m512i& sums) { asm("" : "+v"(sums)); }
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
    sums = _mm512_dpwssd_epi32(sums, step, weights);
#else
    // 2^31, the sum of two products of -32768 by itself, is -2^31 modulo 2^32.
    sums = _mm512_add_epi32(sums, _mm512_madd_epi16(step, weights));
#endif
    settle(sums);
  }
};

#if defined(__AVX512VNNI__)
struct Bytes : WideProduct {
  static void add(__m512i& sums, __m512i step, __m512i weights) {
    sums = _mm512_dpbusd_epi32(sums, step, weights);
    settle(sums);
  }
};
#endif

#elif defined(__AVX2__)

struct Halves {
  using Result = int32_t;
  using Step = __m256i;
  using Weights = __m256i;
  using Sums = __m256i;
  static constexpr int lanes = 8;
  static constexpr int max_vectors = 1;
  static constexpr int tile_pixels(int) { return 6; }

  static __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
  static void store(void* to, __m256i numbers) { _mm256_storeu_si256(static_cast<__m256i*>(to), numbers); }
  static __m256i load_step(const uint8_t* from) {
    int32_t step;
    __builtin_memcpy(&step, from, sizeof(step));
    return _mm256_set1_epi32(step);
  }
  static __m256i load_weights(const int8_t* from) { return load(from); }
  static __m256i zero() { return _mm256_setzero_si256(); }
  static void settle(__m256i& sums) { asm("" : "+x"(sums)); }
  static void add(__m256i& sums, __m256i step, __m256i weights) {
    // 2^31, the sum of two products of -32768 by itself, is -2^31 modulo 2^32.
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(step, weights));
    settle(sums);
  }
  static void finish(__m256i sums, int64_t outputs, const int32_t* scale, const int32_t* before,
                     int32_t* to) {
    const __m256i scaled = _mm256_mullo_epi32(sums, load(scale));
    if (outputs >= lanes) {
      store(to, _mm256_add_epi32(scaled, load(before)));
      return;
    }
    uint32_t numbers[lanes];
    store(numbers, scaled);
    for (int64_t o = 0; o < outputs; ++o)
      to[o] = static_cast<int32_t>(static_cast<uint32_t>(before[o]) + numbers[o]);
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
  constexpr int parts = Vectors * integer_vector / Product::lanes;
  constexpr int part_bytes = Product::lanes * integer_step;
  const uint8_t* windows[Pixels];
  typename Product::Sums sums[Pixels * parts];
  for_each<Pixels>([&](auto p) KONES_INLINED {
    windows[p] = rows.activations + rows.pixel_offsets[first + p];
    for_each<parts>([&](auto part) KONES_INLINED { sums[p * parts + part] = Product::zero(); });
  });

  const int8_t* next = rows.weights;
  const int64_t* offset = rows.step_offsets;
  const int64_t* const end = offset + rows.steps;
  do {
    typename Product::Weights weights[parts];
    for_each<parts>([&](auto part)
                        KONES_INLINED { weights[part] = Product::load_weights(next + part * part_bytes); });
    next += parts * part_bytes;
    for_each<Pixels>([&](auto p) KONES_INLINED {
      const typename Product::Step step = Product::load_step(windows[p] + *offset);
      for_each<parts>([&](auto part)
                          KONES_INLINED { Product::add(sums[p * parts + part], step, weights[part]); });
    });
  } while (++offset != end);
  for_each<Pixels * parts>([&](auto i) KONES_INLINED { Product::settle(sums[i]); });

  auto* const results = rows.sums + first * rows.sum_stride;
  const int64_t stride = rows.sum_stride;
  const auto* const before = rows.first_sums == nullptr ? results : rows.first_sums;
  const int64_t before_stride = rows.first_sums == nullptr ? stride : 0;
  const int64_t outputs = rows.outputs;
  const int32_t* const scale = rows.scale;
  for_each<parts>([&](auto part) KONES_INLINED {
    constexpr int o = part * Product::lanes;
    constexpr bool is_full = o + Product::lanes <= (Vectors - 1) * integer_vector;
    for_each<Pixels>([&](auto p) KONES_INLINED {
      Product::finish(sums[p * parts + part], is_full ? Product::lanes : outputs - o, scale + o,
                      before + p * before_stride + o, results + p * stride + o);
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
  const int64_t least = rows.pixels / tiles;
  const int64_t larger = rows.pixels % tiles;
  for (int64_t tile = 0; tile < tiles; ++tile)
    tiles_of_sizes[least - (tile < larger ? 0 : 1)](rows, tile * least + (tile < larger ? tile : larger));
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
const IntegerTier KONES_TIER_TABLE(integer) = {Halves::max_vectors,
#if !defined(__AVX2__) || defined(__AVX512VNNI__)
                                               multiply<Bytes, Bytes::max_vectors>,
#else
                                               nullptr,
#endif
                                               multiply<Halves, Halves::max_vectors>,
                                               multiply<Words, Words::max_vectors>};

}  // namespace kones::kernels
