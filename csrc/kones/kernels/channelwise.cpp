#include "kones/kernels/channelwise.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "kones/kernels/tiers/channelwise.h"

namespace kones::kernels {
namespace {

const ChannelwiseTier& tier_functions(CpuTier tier) {
#if defined(__x86_64__)
  if (tier >= CpuTier::avx512) return channelwise_avx512;
  if (tier == CpuTier::avx2) return channelwise_avx2;
#endif
  static_cast<void>(tier);
  return channelwise_scalar;
}

template <typename In>
const ChannelwiseFunctions<In>& functions(CpuTier tier) {
  return std::get<ChannelwiseFunctions<In>>(tier_functions(tier));
}

}  // namespace

template <typename In, typename Out>
void requantize(const In* x, int64_t pixels, const ChannelScaling& scaling, const StoredRange& range, Out* y,
                CpuTier tier) {
  const ScalingRow row = {static_cast<int64_t>(scaling.multiplier.size()), scaling.multiplier.data(),
                          scaling.addend.data(), scaling.shift.data()};
  const ChannelwiseFunctions<In>& of_type = functions<In>(tier);
  if constexpr (std::is_same_v<Out, uint8_t>) of_type.requantize_uint8(x, pixels, row, range, y);
  if constexpr (std::is_same_v<Out, int16_t>) of_type.requantize_int16(x, pixels, row, range, y);
  if constexpr (std::is_same_v<Out, int32_t>) of_type.requantize_int32(x, pixels, row, range, y);
}

void ChannelInterval::append(int64_t least, int64_t most) {
  using Limits = std::numeric_limits<int32_t>;
  low.push_back(least);
  high.push_back(most);
  // No narrow x lies in an interval beyond its own bits.
  const bool is_empty = least > Limits::max() || most < Limits::min();
  narrow_low.push_back(is_empty ? 1 : static_cast<int32_t>(std::max<int64_t>(least, Limits::min())));
  narrow_high.push_back(is_empty ? 0 : static_cast<int32_t>(std::min<int64_t>(most, Limits::max())));
}

template <typename In>
void threshold(const In* x, int64_t pixels, const ChannelInterval& interval, uint8_t* y, CpuTier tier) {
  const auto channels = static_cast<int64_t>(interval.low.size());
  if constexpr (std::is_same_v<In, int64_t>) {
    functions<In>(tier).threshold(x, pixels, channels, interval.low.data(), interval.high.data(), y);
  } else {
    functions<In>(tier).threshold(x, pixels, channels, interval.narrow_low.data(),
                                  interval.narrow_high.data(), y);
  }
}

template <typename T>
void max_pool(const T* x, const PoolShape& shape, T* y, CpuTier tier) {
  functions<T>(tier).max_pool(x, shape, y);
}

template <typename In, typename Out>
void avg_pool(const In* x, const PoolShape& shape, int64_t zero_point, int64_t multiple, Out* y,
              CpuTier tier) {
  const ChannelwiseFunctions<In>& of_type = functions<In>(tier);
  if constexpr (std::is_same_v<Out, int32_t>) of_type.avg_pool_int32(x, shape, zero_point, multiple, y);
  if constexpr (std::is_same_v<Out, int64_t>) of_type.avg_pool_int64(x, shape, zero_point, multiple, y);
}

#define KONES_CHANNELWISE(In)                                                                       \
  template void requantize(const In*, int64_t, const ChannelScaling&, const StoredRange&, uint8_t*, \
                           CpuTier);                                                                \
  template void requantize(const In*, int64_t, const ChannelScaling&, const StoredRange&, int16_t*, \
                           CpuTier);                                                                \
  template void requantize(const In*, int64_t, const ChannelScaling&, const StoredRange&, int32_t*, \
                           CpuTier);                                                                \
  template void threshold(const In*, int64_t, const ChannelInterval&, uint8_t*, CpuTier);           \
  template void max_pool(const In*, const PoolShape&, In*, CpuTier);                                \
  template void avg_pool(const In*, const PoolShape&, int64_t, int64_t, int32_t*, CpuTier);         \
  template void avg_pool(const In*, const PoolShape&, int64_t, int64_t, int64_t*, CpuTier);
KONES_CHANNELWISE(uint8_t)
KONES_CHANNELWISE(int16_t)
KONES_CHANNELWISE(int32_t)
KONES_CHANNELWISE(int64_t)
#undef KONES_CHANNELWISE

}  // namespace kones::kernels
