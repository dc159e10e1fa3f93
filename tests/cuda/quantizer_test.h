// What the quantizers' CUDA kernels are tested with: against kones::kernels, bit for bit.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "cuda/device_array.h"
#include <gtest/gtest.h>

#include "kones/numeric/float16.h"
#include "kones/numeric/philox.h"

namespace kones {

/// One element, a few, a block of threads' share (1024) less one, and more blocks than any CPU has cores.
inline const std::vector<int64_t> sizes = {0, 1, 3, 4, 5, 31, 1023, 1024, 1025, 40003};

/// Seeds and offsets on both sides of 2^32, where only the high words differ.
inline const std::vector<RandomStream> streams = {
    {0, 0}, {7, 1}, {(1ull << 32) + 7, 1}, {7, (1ull << 32) + 1}, {~0ull, ~0ull}};

/// Levels, ties between them, values outside the level set, both zeros, infinities, NaN and subnormals, then
/// a stretch of everything.
template <typename T>
std::vector<T> quantizer_inputs(int64_t count) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> special = {
      0.0f, -0.0f, 1.0f,   -1.0f,   0.75f, -0.75f,   0.09375f,  -0.09375f,
      2.5f, -9.0f, 1e-40f, -1e-40f, 0.5f,  infinity, -infinity, std::numeric_limits<float>::quiet_NaN()};
  std::vector<T> x(static_cast<size_t>(count));
  uint32_t state = 12345;
  for (size_t i = 0; i < x.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    const float scattered = (static_cast<float>(state >> 8) * 0x1p-24f - 0.5f) * (i % 3 == 0 ? 0.05f : 4.5f);
    x[i] = from_float<T>(i % 5 == 1 ? special[i / 5 % special.size()] : scattered);
  }
  return x;
}

/// Compares bits, so that NaN equals NaN and -0 differs from +0.
template <typename T>
testing::AssertionResult same_bits(const std::vector<T>& got, const std::vector<T>& expected) {
  if (got.size() != expected.size()) return testing::AssertionFailure() << got.size() << " elements";
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::memcmp(&got[i], &expected[i], sizeof(T)) == 0) continue;
    return testing::AssertionFailure()
           << "element " << i << " is " << to_float(got[i]) << " instead of " << to_float(expected[i]);
  }
  return testing::AssertionSuccess();
}

/// How a test lays out x and y: elements before the first in each allocation, and whether both are one.
struct Layout {
  int64_t x_offset;
  int64_t y_offset;
  bool in_place;
};

inline const std::vector<Layout> layouts = {{0, 0, false}, {1, 0, false}, {0, 1, false}, {3, 3, false},
                                            {4, 2, false}, {0, 0, true},  {1, 1, true}};

/// Runs `on_device(x, y, count)` on the layout and compares with `on_host(x, y, count)`. What lies around y
/// stays as it was.
template <typename T, typename OnDevice, typename OnHost>
testing::AssertionResult agrees(int64_t count, Layout layout, OnDevice on_device, OnHost on_host) {
  const auto offset = [](int64_t elements) { return static_cast<size_t>(elements); };
  constexpr int64_t around = 4;
  std::vector<T> x = quantizer_inputs<T>(layout.x_offset + count + around);
  std::vector<T> y = layout.in_place ? x : quantizer_inputs<T>(layout.y_offset + count + around);
  DeviceArray<T> device_x(x);
  DeviceArray<T> device_y(y);
  T* const to = (layout.in_place ? device_x : device_y).data();
  on_device(device_x.data() + layout.x_offset, to + layout.y_offset, count);
  on_host(x.data() + offset(layout.x_offset), y.data() + offset(layout.y_offset), count);
  return same_bits((layout.in_place ? device_x : device_y).to_host(), y);
}

template <typename T>
class QuantizerTest : public testing::Test {};

using QuantizerTypes = testing::Types<float, Float16, BFloat16>;

}  // namespace kones
