// Where prepacked weights are. The sum over a group's channels and taps, tap by tap and word by word, is cut
// into steps of 256 bits, whatever words lie in one: 64 channels of 3x3 taps make three steps, not nine.
#pragma once

#include <cstdint>

#include "kones/numeric/host_device.h"
#include "kones/numeric/xnor_conv2d.h"

namespace kones::cuda {

/// Two arrays behind each other:
///   bits  [groups][steps][columns] of 32 bytes: the bits of a step for each output channel of the group, and
///         for those that fill up the last 32
///   ones  [groups][kernel_height + 1][kernel_width + 1][columns] of int32: how many bits are set in the taps
///         above and to the left (a summed-area table, Crow, 1984): any rectangle of taps is four of them
struct XnorPrepacked {
  int64_t groups;
  int64_t steps;
  int64_t columns;
  int64_t corners;  ///< (kernel_height + 1) * (kernel_width + 1)

  explicit XnorPrepacked(const XnorShape& shape)
      : groups(shape.groups),
        steps((shape.taps() * shape.group_words() + 3) / 4),
        columns((shape.group_out_channels() + 31) / 32 * 32),
        corners((shape.kernel_height + 1) * (shape.kernel_width + 1)) {}

  int64_t bit_bytes() const { return groups * steps * columns * 32; }
  int64_t bytes() const { return bit_bytes() + groups * corners * columns * 4; }
};

}  // namespace kones::cuda
