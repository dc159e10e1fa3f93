// Signs of a tensor, packed into words: channel c of a pixel is bit c mod 64 of word c / 64, a set bit is a
// negative value, and the bits past the last channel are 0.
#pragma once

#include <cstdint>

namespace kones {

/// Where a tensor's elements are, and with them its words. Element (n, p, g, c), for image n, pixel p, group
/// g and channel c of the group, is x[n * batch_stride + p * pixel_stride + (g * group_channels + c) *
/// channel_stride]; its bit is in the words [batch][pixels][groups][group_words()], which lie densely.
struct SignLayout {
  int64_t batch = 1;
  int64_t pixels = 1;
  int64_t groups = 1;
  int64_t group_channels = 1;
  int64_t batch_stride = 1;
  int64_t pixel_stride = 1;
  int64_t channel_stride = 1;

  int64_t channels() const { return groups * group_channels; }
  int64_t group_words() const { return (group_channels + 63) / 64; }
  int64_t words() const { return batch * pixels * groups * group_words(); }

  /// Channels last: [batch][pixels][channels].
  static SignLayout channels_last(int64_t batch, int64_t pixels, int64_t channels, int64_t groups = 1) {
    return {batch, pixels, groups, channels / groups, pixels * channels, channels, 1};
  }
  /// Channels first: [batch][channels][pixels].
  static SignLayout channels_first(int64_t batch, int64_t pixels, int64_t channels, int64_t groups = 1) {
    return {batch, pixels, groups, channels / groups, pixels * channels, 1, pixels};
  }
};

}  // namespace kones
