#include "simt/warp.h"

#include "simt/error.h"

namespace simt {

int shuffle_source(ShuffleKind kind, int lane, unsigned operand, int width) {
  if (width <= 0 || width > 32 || (width & (width - 1)) != 0) {
    fail("INVALID SHUFFLE: a width of %d, which is no power of two up to 32", width);
  }
  const int first = lane & ~(width - 1);
  const int last = first + width - 1;
  const int distance = static_cast<int>(operand & 31u);
  int source = lane;
  switch (kind) {
    case ShuffleKind::index:
      return first + (distance & (width - 1));
    case ShuffleKind::up:
      source = lane - distance;
      return source < first ? lane : source;
    case ShuffleKind::down:
      source = lane + distance;
      return source > last ? lane : source;
    case ShuffleKind::exclusive_or:
      source = lane ^ distance;
      return source > last ? lane : source;
  }
  return lane;
}

void fail_shuffle(int reader, int source) {
  fail("lane %d reads lane %d that is not in the mask", reader, source);
}

}  // namespace simt
