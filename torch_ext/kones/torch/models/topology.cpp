#include "kones/torch/models/topology.h"

#include "kones/torch/choice.h"

namespace kones {

const std::vector<Topology>& topologies() {
  using L = LayerShape;
  static const std::vector<Topology> table = {
      {"mnist-1hidden", 1, 28, 28, {L::linear(100), L::linear(10)}, "784-100-10 (Sarwar et al., 2016)"},
      {"mnist-2conv",
       1,
       28,
       28,
       {L::conv2d(20, 5, 0, 2), L::conv2d(50, 5, 0, 2), L::linear(500), L::linear(10)},
       "20C5-MP2-50C5-MP2-500-10 (Caffe's LeNet)"},
      {"cifar-6conv",
       3,
       32,
       32,
       {L::conv2d(128, 3, 1, 1), L::conv2d(128, 3, 1, 2), L::conv2d(256, 3, 1, 1), L::conv2d(256, 3, 1, 2),
        L::conv2d(512, 3, 1, 1), L::conv2d(512, 3, 1, 1), L::linear(1024), L::linear(1024), L::linear(10)},
       "2x128C3-MP2-2x256C3-MP2-2x512C3-1024-1024-10 (39.2 million weights, as Ding et al. count)"},
      {"cifar-6conv-pool3",
       3,
       32,
       32,
       {L::conv2d(128, 3, 1, 1), L::conv2d(128, 3, 1, 2), L::conv2d(256, 3, 1, 1), L::conv2d(256, 3, 1, 2),
        L::conv2d(512, 3, 1, 1), L::conv2d(512, 3, 1, 2), L::linear(1024), L::linear(1024), L::linear(10)},
       "the same with MP2 before its linear layers (BinaryNet: Courbariaux et al., 2016)"},
  };
  return table;
}

const Topology& find_topology(const std::string& name) {
  return find_choice("model", topologies(), name);
}

void check_images(const ImageSet& images, const Topology& topology) {
  const auto shape = [](int64_t channels, int64_t height, int64_t width, int64_t classes) {
    return std::to_string(channels) + " x " + std::to_string(height) + " x " + std::to_string(width) + ", " +
           std::to_string(classes) + " classes";
  };
  const std::string wanted = shape(topology.channels, topology.height, topology.width, topology.classes());
  const std::string got = shape(images.channels, images.height, images.width, images.classes);
  if (wanted != got)
    throw Error(topology.name + " takes pictures of " + wanted + "; the data set has " + got);
}

}  // namespace kones
