// What the elementwise kernels have in common, whatever they quantize to: whole arrays of each storage type
// against rounding by search, and slices against the whole.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "numeric/half_types.h"
#include "numeric/inputs.h"
#include "numeric/level_set.h"
#include "numeric/reference_philox.h"
#include <gtest/gtest.h>

#include "kones/numeric/float16.h"
#include "kones/numeric/format.h"
#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"

namespace kones {

/// The bits of an element.
inline uint32_t bits_of(float x) {
  return float_to_bits(x);
}
inline uint32_t bits_of(Float16 x) {
  return x.bits;
}
inline uint32_t bits_of(BFloat16 x) {
  return x.bits;
}

template <typename T>
std::vector<uint32_t> bits_of(const std::vector<T>& elements) {
  std::vector<uint32_t> bits;
  for (const T element : elements) bits.push_back(bits_of(element));
  return bits;
}

/// A storage type by its definition: what an element is worth, whether it is NaN, and the bits of a rounded
/// value.
template <typename T>
struct Storage;

template <>
struct Storage<float> {
  static bool is_nan(float x) { return std::isnan(x); }
  static float value(float x) { return x; }
  uint32_t bits(float x) const { return float_to_bits(x); }
};

template <const HalfType& type>
struct HalfStorage {
  template <typename T>
  static bool is_nan(T x) {
    return type.is_nan(x.bits);
  }
  template <typename T>
  static float value(T x) {
    return static_cast<float>(type.value(x.bits));
  }
  uint32_t bits(float x) const { return round(x); }

  HalfRounding round{type};
};

template <>
struct Storage<Float16> : HalfStorage<float16_type> {};
template <>
struct Storage<BFloat16> : HalfStorage<bfloat16_type> {};

/// All 65,536 elements of a 16-bit type; of float32 the values of both and those around the set's levels.
template <typename T>
std::vector<T> every_element(const LevelSet&) {
  std::vector<T> elements;
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) elements.push_back(T{static_cast<uint16_t>(bits)});
  return elements;
}

template <>
inline std::vector<float> every_element<float>(const LevelSet& levels) {
  std::vector<float> elements = edge_values(levels);
  for (const HalfType& type : {float16_type, bfloat16_type}) {
    const std::vector<float> values = every_value(type);
    elements.insert(elements.end(), values.begin(), values.end());
  }
  return elements;
}

/// Expects y[i] to be x[i] rounded by the written definition, i counting from first_element.
template <typename T>
void expect_rounded(const std::vector<T>& x, const std::vector<T>& y, const LevelSet& levels,
                    Rounding rounding, RandomStream stream, uint64_t first_element) {
  const Storage<T> storage;
  ASSERT_EQ(x.size(), y.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (storage.is_nan(x[i])) {
      ASSERT_TRUE(storage.is_nan(y[i])) << "NaN at " << i;
      continue;
    }
    const float value = storage.value(x[i]);
    float level = 0;
    switch (rounding) {
      case Rounding::nearest:
        level = levels.nearest(value);
        break;
      case Rounding::stochastic:
        level = levels.stochastic(value, reference_uniform(stream.seed, stream.offset, first_element + i));
        break;
      case Rounding::truncate:
        level = levels.truncate(value);
        break;
      case Rounding::nearest_log:
        level = levels.nearest_log(value);
        break;
    }
    ASSERT_EQ(bits_of(y[i]), storage.bits(level))
        << rounding_name(rounding) << " of " << value << " at " << i;
  }
}

/// A format, and its levels listed.
struct ListedFormat {
  NumberFormat format;
  LevelSet levels;
};

inline std::vector<ListedFormat> listed_formats() {
  std::vector<ListedFormat> formats;
  for (int terms = 1; terms <= 4; ++terms) {
    for (const int max_shift : {0, 3, 7, 15}) {
      formats.push_back({NumberFormat::k_ones(terms, max_shift), LevelSet::k_ones(terms, max_shift)});
    }
  }
  for (const bool zero : {false, true}) {
    for (const auto& [smallest, largest] : {std::pair{-7, 0}, {0, 0}, {-3, 5}, {-24, -14}, {-126, 126}}) {
      formats.push_back({NumberFormat::power_of_two(smallest, largest, zero),
                         LevelSet::power_of_two(smallest, largest, zero)});
    }
  }
  for (const bool is_signed : {true, false}) {
    for (const auto& [before, after] :
         {std::pair{2, 6}, {1, 0}, {0, 1}, {8, 0}, {-3, 9}, {6, -2}, {-20, 28}, {120, -110}}) {
      formats.push_back({NumberFormat::fixed_point(before, after, is_signed),
                         LevelSet::fixed_point(before, after, is_signed)});
    }
  }
  formats.push_back({NumberFormat::binary(), LevelSet::binary()});
  return formats;
}

/// Expects that `quantize(x, y, count, rounding, stream, first_element)` writes y[0 .. count) alone, may work
/// in place, and gives slices what it gives the whole, wherever they begin and end and however far into a
/// tensor they are.
template <typename T, typename Quantize>
void expect_slices_equal_whole(const Quantize& quantize, const std::vector<Rounding>& roundings) {
  constexpr int64_t count = 2203;  // more than a chunk of the kernels
  std::vector<T> x;
  for (int64_t i = 0; i < count; ++i) x.push_back(from_float<T>(static_cast<float>(i % 41 - 20) / 16));
  const T guard = from_float<T>(77.0f);
  const RandomStream stream = {0xFEDCBA9876543210, 0x123456789ABCDEF0};
  for (const Rounding rounding : roundings) {
    SCOPED_TRACE(rounding_name(rounding));
    // Up to where the block's number has more than 32 bits.
    for (const int64_t first : {int64_t{0}, int64_t{3}, (int64_t{1} << 32) - 5, (int64_t{1} << 34) - 101}) {
      SCOPED_TRACE("first element " + std::to_string(first));
      std::vector<T> whole(static_cast<std::size_t>(count), guard);
      quantize(x.data(), whole.data(), count, rounding, stream, first);

      std::vector<T> in_place = x;
      quantize(in_place.data(), in_place.data(), count, rounding, stream, first);
      EXPECT_EQ(bits_of(in_place), bits_of(whole));

      for (const int64_t length : {1, 2, 3, 5, 7, 64, 1030}) {
        std::vector<T> slices(static_cast<std::size_t>(count), guard);
        for (int64_t begin = 0; begin < count; begin += length) {
          const int64_t size = std::min(length, count - begin);
          quantize(x.data() + begin, slices.data() + begin, size, rounding, stream, first + begin);
          if (begin + size < count) {
            ASSERT_EQ(bits_of(slices[static_cast<std::size_t>(begin + size)]), bits_of(guard));
          }
        }
        EXPECT_EQ(bits_of(slices), bits_of(whole)) << "slices of " << length;
      }
      std::vector<T> untouched = {guard};
      quantize(x.data(), untouched.data(), 0, rounding, stream, first);
      EXPECT_EQ(bits_of(untouched[0]), bits_of(guard));
    }
  }
}

/// Expects x, rounded stochastically `count` times, to become its two neighbours alone, the upper one with
/// probability p: the mean within 4 sigma of x, and the counts of 256 runs as a chi-square of 256 degrees of
/// freedom has them (within 4 of its sigmas, sqrt(2 * 256); too even is as wrong as too uneven).
template <typename Quantize>
void expect_distribution(const Quantize& quantize, const LevelSet& levels, float x) {
  SCOPED_TRACE("x = " + std::to_string(x));
  constexpr int runs = 256;
  constexpr int run_length = 4096;
  constexpr int count = runs * run_length;
  const std::vector<float> values(count, x);
  std::vector<float> rounded(count);
  quantize(values.data(), rounded.data(), count, Rounding::stochastic, RandomStream{2024, 7}, 0);

  const double lower = levels.stochastic(x, 1.0);
  const double upper = levels.stochastic(x, 0.0);
  const double p = (x - lower) / (upper - lower);
  const double variance = p * (1 - p);
  double sum = 0;
  double chi_square = 0;
  for (int run = 0; run < runs; ++run) {
    int ups = 0;
    for (int i = run * run_length; i < (run + 1) * run_length; ++i) {
      const float y = rounded[static_cast<std::size_t>(i)];
      ASSERT_TRUE(y == lower || y == upper) << y;
      sum += y;
      ups += y == upper ? 1 : 0;
    }
    const double excess = ups - run_length * p;
    chi_square += excess * excess / (run_length * variance);
  }
  EXPECT_NEAR(sum / count, x, 4 * (upper - lower) * std::sqrt(variance / count));
  EXPECT_NEAR(chi_square, runs, 4 * std::sqrt(2.0 * runs));
}

}  // namespace kones
