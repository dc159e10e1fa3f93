// What integers go through between the sums of two layers: rescaling, thresholds, additions and pooling, on
// pixels of neighbouring channels. The package's operations of the same names (kones/package/package.h)
// define the results.
#pragma once

#include <cstdint>
#include <vector>

#include "kones/kernels/cpu_tier.h"

namespace kones::kernels {

/// How results are stored: the integer plus a zero point, after saturation to low .. high.
struct StoredRange {
  int64_t low = 0;
  int64_t high = 0;
  int64_t zero_point = 0;
};

/// One entry a channel each: (x * multiplier + addend) >> shift.
struct ChannelScaling {
  std::vector<int32_t> multiplier;
  std::vector<int64_t> addend;
  std::vector<int64_t> shift;  ///< 0 .. 62
};

/// One entry a channel each: low <= x <= high, for x of 64 bits and for narrower ones.
struct ChannelInterval {
  std::vector<int64_t> low;
  std::vector<int64_t> high;
  std::vector<int32_t> narrow_low;
  std::vector<int32_t> narrow_high;

  void append(int64_t least, int64_t most);
};

/// A pooling window over one image: pixels of `channels` neighbours.
struct PoolShape {
  int64_t channels = 1;
  int64_t in_height = 1;
  int64_t in_width = 1;
  int64_t out_height = 1;
  int64_t out_width = 1;
  int64_t kernel_height = 1;
  int64_t kernel_width = 1;
  int64_t stride_height = 1;
  int64_t stride_width = 1;
  int64_t padding_height = 0;
  int64_t padding_width = 0;
};

/// y = saturated((x * multiplier + addend) >> shift) of [pixels][channels], the shift rounding down. In is
/// uint8_t, int16_t, int32_t or int64_t, Out uint8_t, int16_t or int32_t; sums within 64 bits.
template <typename In, typename Out>
void requantize(const In* x, int64_t pixels, const ChannelScaling& scaling, const StoredRange& range, Out* y,
                CpuTier tier = cpu_tier());

/// y = x where x is inside the channel's interval ? 2 : 0, [pixels][channels]. In as in requantize.
template <typename In>
void threshold(const In* x, int64_t pixels, const ChannelInterval& interval, uint8_t* y,
               CpuTier tier = cpu_tier());

/// The largest pixel of each window. T is uint8_t, int16_t, int32_t or int64_t.
template <typename T>
void max_pool(const T* x, const PoolShape& shape, T* y, CpuTier tier = cpu_tier());

/// multiple / n times the sum of each window's n pixels, every x less zero_point. In is uint8_t, int16_t,
/// int32_t or int64_t, Out int32_t or int64_t. n divides the multiple.
template <typename In, typename Out>
void avg_pool(const In* x, const PoolShape& shape, int64_t zero_point, int64_t multiple, Out* y,
              CpuTier tier = cpu_tier());

}  // namespace kones::kernels
