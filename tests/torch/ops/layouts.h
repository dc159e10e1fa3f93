// Tensors of every layout that an elementwise operator may meet, and their elements in row-major logical
// order, found from sizes and strides alone.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "kones/numeric/bits.h"
#include "kones/numeric/float16.h"

namespace kones {

/// A storage type of kones and the type that LibTorch calls it by.
template <typename T>
inline constexpr at::ScalarType scalar_type_of = at::kFloat;
template <>
inline constexpr at::ScalarType scalar_type_of<Float16> = at::kHalf;
template <>
inline constexpr at::ScalarType scalar_type_of<BFloat16> = at::kBFloat16;

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
std::vector<uint32_t> bits_of(const std::vector<T>& values) {
  std::vector<uint32_t> bits;
  for (const T value : values) bits.push_back(bits_of(value));
  return bits;
}

/// The elements of a CPU tensor in row-major logical order.
template <typename T>
std::vector<T> elements_of(const at::Tensor& x) {
  const T* data = static_cast<const T*>(x.const_data_ptr());
  std::vector<T> elements;
  elements.reserve(x.numel());
  for (int64_t element = 0; element < x.numel(); ++element) {
    int64_t rest = element;
    int64_t place = 0;
    for (int64_t dimension = x.dim() - 1; dimension >= 0; --dimension) {
      place += rest % x.size(dimension) * x.stride(dimension);
      rest /= x.size(dimension);
    }
    elements.push_back(data[place]);
  }
  return elements;
}

/// `count` values: levels, ties and their neighbours, zeros, subnormals, infinities and NaN, mixed with
/// random values of all magnitudes around the level sets.
inline at::Tensor test_values(int64_t count, at::ScalarType type) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> notable = {0.0f, 1e-45f, 0x1p-126f, 1e30f, infinity, std::nanf("")};
  for (int shift = -3; shift <= 16; ++shift) {
    for (const float level :
         {std::ldexp(1.0f, -shift), std::ldexp(1.5f, -shift), std::ldexp(1.25f, -shift)}) {
      notable.insert(notable.end(), {level, std::nextafter(level, 0.0f), std::nextafter(level, infinity)});
    }
  }
  std::mt19937 random(20240517);
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) {
    const float sign = random() % 2 == 0 ? 1.0f : -1.0f;
    const float fraction = static_cast<float>(random() >> 8) * 0x1p-24f;
    switch (random() % 3) {
      case 0:
        values[i] = sign * notable[random() % notable.size()];
        break;
      case 1:
        values[i] = sign * fraction * 1.5f;
        break;
      default:
        values[i] = sign * std::ldexp(1.0f + fraction, static_cast<int>(random() % 24) - 20);
    }
  }
  return at::tensor(values).to(type);
}

struct Layout {
  std::string name;
  at::Tensor x;
};

/// Small tensors of every layout, filled with test_values.
inline std::vector<Layout> layouts(at::ScalarType type) {
  const auto values = [type](at::IntArrayRef shape) {
    return test_values(c10::multiply_integers(shape), type).view(shape);
  };
  return {
      {"contiguous", values({2, 3, 5, 7})},
      {"one dimension", values({1021})},
      {"channels last", values({2, 3, 5, 7}).contiguous(at::MemoryFormat::ChannelsLast)},
      {"channels last, one channel", values({2, 1, 5, 7}).contiguous(at::MemoryFormat::ChannelsLast)},
      {"channels last 3d", values({2, 3, 4, 3, 5}).contiguous(at::MemoryFormat::ChannelsLast3d)},
      {"transposed", values({37, 11}).t()},
      {"permuted", values({3, 4, 5, 6}).permute({2, 0, 3, 1})},
      {"rows with steps", values({20, 9}).slice(0, 1, 20, 3)},
      {"columns with steps", values({7, 40}).slice(1, 3, 40, 4)},
      {"transposed, with steps", values({24, 18}).t().slice(0, 0, 18, 2).slice(1, 5, 24, 5)},
      {"channels last, some channels",
       values({2, 6, 5, 4}).contiguous(at::MemoryFormat::ChannelsLast).narrow(1, 1, 3)},
      {"not at the start of its memory", values({101}).narrow(0, 3, 97)},
      {"expanded", values({5, 1, 7}).expand({5, 6, 7})},
      {"expanded scalar", values({1}).expand({4, 9})},
      {"overlapping windows", values({44}).as_strided({12, 8}, {2, 3})},
      {"dimensions of size 1 with odd strides", values({60}).as_strided({1, 12, 1, 5}, {7, 5, 99, 1})},
      {"no dimensions", values({1}).view(at::IntArrayRef{})},
      {"empty", values({0})},
      {"empty, more dimensions", values({2, 0, 3})},
      {"empty, channels last", values({0, 3, 5, 7}).contiguous(at::MemoryFormat::ChannelsLast)},
  };
}

}  // namespace kones
