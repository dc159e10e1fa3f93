#include "kones/torch/models/topology.h"

#include <algorithm>

#include "kones/torch/choice.h"

namespace kones {
namespace {

/// The networks for CIFAR-10 of He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2016,
/// section 4.2, with 6 n + 2 layers: three stages of n blocks of two convolutions. Where a stage begins, the
/// shortcut is a convolution (their option B). The classifier's weights come before the average over the
/// picture instead of after it, which gives the same sums.
std::vector<LayerShape> residual_layers(int64_t n) {
  std::vector<LayerShape> layers = {LayerShape::conv2d(16, 3, 1)};
  for (int64_t stage = 0; stage < 3; ++stage) {
    const int64_t channels = int64_t{16} << stage;
    for (int64_t block = 0; block < n; ++block) {
      const bool halves = stage > 0 && block == 0;
      const size_t source = layers.size() - 1;
      LayerShape first = LayerShape::conv2d(channels, 3, 1);
      first.stride = halves ? 2 : 1;
      layers.push_back(first);
      LayerShape second = LayerShape::conv2d(channels, 3, 1);
      second.residual = source;
      if (halves) {
        LayerShape shortcut = LayerShape::conv2d(channels, 1, 0);
        shortcut.stride = 2;
        shortcut.input = source;
        shortcut.has_activation = false;
        second.input = source + 1;
        second.residual = layers.size();
        layers.push_back(shortcut);
      }
      layers.push_back(second);
    }
  }
  layers.push_back(LayerShape::conv2d(10, 1, 0, Pooling::average(8)));
  return layers;
}

constexpr int64_t max_open_extent = 1 << 16;
constexpr int64_t max_open_classes = 256;

}  // namespace

const std::vector<Topology>& topologies() {
  using L = LayerShape;
  using P = Pooling;
  static const std::vector<Topology> table = {
      {"mnist-1hidden", 1, 28, 28, {L::linear(100), L::linear(10)}, "784-100-10 (Sarwar et al., 2016)"},
      {"mnist-2conv",
       1,
       28,
       28,
       {L::conv2d(20, 5, 0, P::max(2)), L::conv2d(50, 5, 0, P::max(2)), L::linear(500), L::linear(10)},
       "20C5-MP2-50C5-MP2-500-10 (Caffe's LeNet)"},
      {"mnist-3hidden",
       1,
       28,
       28,
       {L::linear(4096), L::linear(4096), L::linear(4096), L::linear(10)},
       "784-4096-4096-4096-10 (BinaryNet: Courbariaux et al., 2016)"},
      {"cifar-3conv",
       3,
       32,
       32,
       {L::conv2d(32, 5, 2, P::max(3, 2, 0, true)), L::conv2d(32, 5, 2, P::average(3, 2, 0, true)),
        L::conv2d(64, 5, 2, P::average(3, 2, 0, true)), L::linear(10)},
       "32C5-MP3/2-32C5-AP3/2-64C5-AP3/2-10 (Caffe's cifar10_full)"},
      {"cifar-3conv-82k",
       3,
       32,
       32,
       {L::conv2d(32, 5, 2, P::max(3, 2, 0, true)), L::conv2d(32, 5, 2, P::average(3, 2, 0, true)),
        L::conv2d(32, 5, 2, P::average(3, 2, 0, false)), L::linear(96), L::linear(10)},
       "32C5-MP3/2-32C5-AP3/2-32C5-AP3/2-96-10 (the 82,208 weights that Ding et al. count)"},
      {"cifar-6conv",
       3,
       32,
       32,
       {L::conv2d(128, 3, 1), L::conv2d(128, 3, 1, P::max(2)), L::conv2d(256, 3, 1),
        L::conv2d(256, 3, 1, P::max(2)), L::conv2d(512, 3, 1), L::conv2d(512, 3, 1), L::linear(1024),
        L::linear(1024), L::linear(10)},
       "2x128C3-MP2-2x256C3-MP2-2x512C3-1024-1024-10 (39.2 million weights, as Ding et al. count)"},
      {"cifar-6conv-pool3",
       3,
       32,
       32,
       {L::conv2d(128, 3, 1), L::conv2d(128, 3, 1, P::max(2)), L::conv2d(256, 3, 1),
        L::conv2d(256, 3, 1, P::max(2)), L::conv2d(512, 3, 1), L::conv2d(512, 3, 1, P::max(2)),
        L::linear(1024), L::linear(1024), L::linear(10)},
       "the same with MP2 before its linear layers (BinaryNet: Courbariaux et al., 2016)"},
      {"cifar-resnet20", 3, 32, 32, residual_layers(3), "residual, 16-32-64 channels (He et al., 2016)"},
      {"uci-mlp", 0, 0, 0, {L::linear(16), L::linear(0)}, "features-16-classes, as the data set has them"},
  };
  return table;
}

const Topology& find_topology(const std::string& name) {
  return find_choice("model", topologies(), name);
}

Topology fit_topology(Topology topology, int64_t channels, int64_t height, int64_t width, int64_t classes) {
  if (!topology.is_open()) return topology;
  if (channels < 1 || height < 1 || width < 1 || std::max({channels, height, width}) > max_open_extent ||
      channels * height * width > max_open_extent || classes < 2 || classes > max_open_classes) {
    throw Error(topology.name + " takes 1 to " + std::to_string(max_open_extent) + " features and 2 to " +
                std::to_string(max_open_classes) + " classes");
  }
  topology.channels = channels;
  topology.height = height;
  topology.width = width;
  topology.layers.back().outputs = classes;
  return topology;
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
