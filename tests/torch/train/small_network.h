// A network small enough for tests, with a convolution, pooling and two linear layers.
#pragma once

#include "kones/data/image_set.h"
#include "kones/numeric/philox.h"
#include "kones/torch/models/network.h"

namespace kones {

inline Topology small_topology() {
  return {"small",
          1,
          6,
          6,
          {LayerShape::conv2d(3, 3, 1, Pooling::max(2)), LayerShape::linear(8), LayerShape::linear(4)},
          "for tests"};
}

inline ImageSet random_images(int64_t count, const Topology& topology, uint64_t seed) {
  ImageSet images;
  images.count = count;
  images.channels = static_cast<int>(topology.channels);
  images.height = static_cast<int>(topology.height);
  images.width = static_cast<int>(topology.width);
  images.classes = static_cast<int>(topology.classes());
  const int64_t bytes = topology.channels * topology.height * topology.width;
  for (int64_t block = 0; block * 16 < count * bytes; ++block) {
    for (const uint32_t word : philox_block(RandomStream{seed, 0}, static_cast<uint64_t>(block)).word) {
      for (int byte = 0; byte < 4; ++byte) images.pixels.push_back(static_cast<uint8_t>(word >> (8 * byte)));
    }
  }
  images.pixels.resize(static_cast<size_t>(count * bytes));
  for (int64_t n = 0; n < count; ++n) images.labels.push_back(static_cast<uint8_t>(n % topology.classes()));
  return images;
}

}  // namespace kones
