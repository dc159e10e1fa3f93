// What each tier provides for the operations by channel (kones/kernels/channelwise.h).
#pragma once

#include <cstdint>
#include <tuple>

#include "kones/kernels/channelwise.h"

namespace kones::kernels {

/// The arrays of a ChannelScaling, `channels` long.
struct ScalingRow {
  int64_t channels;
  const int32_t* multiplier;
  const int64_t* addend;
  const int64_t* shift;
};

template <typename In, typename Out>
using RequantizeFunction = void (*)(const In* x, int64_t pixels, const ScalingRow& scaling,
                                    const StoredRange& range, Out* y);

/// The functions of one type of integers.
template <typename In>
struct ChannelwiseFunctions {
  RequantizeFunction<In, uint8_t> requantize_uint8;
  RequantizeFunction<In, int16_t> requantize_int16;
  RequantizeFunction<In, int32_t> requantize_int32;
  /// The bounds are int64 for In = int64, else int32.
  void (*threshold)(const In* x, int64_t pixels, int64_t channels, const void* low, const void* high,
                    uint8_t* y);
  void (*max_pool)(const In* x, const PoolShape& shape, In* y);
  void (*avg_pool_int32)(const In* x, const PoolShape& shape, int64_t zero_point, int64_t multiple,
                         int32_t* y);
  void (*avg_pool_int64)(const In* x, const PoolShape& shape, int64_t zero_point, int64_t multiple,
                         int64_t* y);
};

using ChannelwiseTier = std::tuple<ChannelwiseFunctions<uint8_t>, ChannelwiseFunctions<int16_t>,
                                   ChannelwiseFunctions<int32_t>, ChannelwiseFunctions<int64_t>>;

extern const ChannelwiseTier channelwise_scalar;
extern const ChannelwiseTier channelwise_avx2;
extern const ChannelwiseTier channelwise_avx512;

}  // namespace kones::kernels
