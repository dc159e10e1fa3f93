// Writes the fixture that format_page_test.py reads: `make_page_fixture FILE`. Run it again only when the
// format gets a new version; the committed file proves that old files stay readable.
//
// Two networks hold every operation, every storage width and every default that the file leaves out. The
// label of a golden vector is the engine's prediction, so that the page's prediction rule is tested too.
#include <cstdint>
#include <cstdio>
#include <variant>
#include <vector>

#include "package/random_network.h"

#include "kones/engine/engine.h"
#include "kones/engine/reference.h"
#include "kones/error.h"
#include "kones/package/writer.h"

namespace kones::package {
namespace {

/// Sets every other threshold to an integer that it meets in `picture`, so that equality happens.
void meet_thresholds(Network& network, const std::vector<uint8_t>& picture) {
  for (Layer& layer : network.layers) {
    auto* operation = std::get_if<Threshold>(&layer.operation);
    if (operation == nullptr) continue;
    const engine::Integers met = engine::reference_integers(network, picture.data())[layer.inputs[0]];
    const int64_t pixels = network.tensors[layer.inputs[0]].pixels();
    for (std::size_t c = 0; c < operation->threshold.size(); c += 2)
      operation->threshold[c] = met[c * pixels];
  }
}

Network with_golden_vectors(RandomNetwork& random, const char* name, int count) {
  Network network = random.build(count);
  network.name = name;
  meet_thresholds(network, network.golden[0].input);
  for (GoldenVector& golden : network.golden)
    golden.tensors = engine::reference_integers(network, golden.input.data());
  const engine::Engine engine(network, 1);
  for (GoldenVector& golden : network.golden) golden.label = engine.predict(golden.input.data(), 1)[0];
  return network;
}

/// LightNN-1, LightNN-2 and binary weights in 4, 8 and 1 bits; more than one tile along both axes; sums of
/// signs at the end, which often tie.
Network lightnn_network() {
  Conv2d geometry;
  geometry.kernel_height = 3;
  geometry.kernel_width = 3;
  geometry.padding_height = 1;
  RandomNetwork random(2, 4, 3, 1);
  random.conv(NumberFormat::k_ones(1), 18, geometry).max_pool({3, 1, 3, 1, 0, 0, true}).requantize(8, false);
  random.linear(NumberFormat::k_ones(2), 17).threshold().linear(NumberFormat::binary(), 3);
  Network network = with_golden_vectors(random, "lightnn", 4);
  network.class_names = {"cat", "dog", "ship"};
  return network;
}

/// Groups, strides and dilation that differ along the axes, padded pooling, 2, 8, 16 and 32 bits of storage,
/// signed activations.
Network wide_network() {
  RandomNetwork random(2, 5, 4, 8);
  random.conv(NumberFormat::k_ones(1, 1), 2, {{}, 3, 2, 2, 1, 4, 3, 1, 2, 2}).requantize(12, true);
  random.conv(NumberFormat::k_ones(1, 15), 1, {{}, 1, 3, 1, 1, 0, 1, 1, 1, 1});
  random.max_pool({3, 2, 4, 1, 1, 0, false}).requantize(3, true).conv(NumberFormat::k_ones(3), 2, Conv2d{});
  random.threshold().max_pool({2, 2, 3, 3, 1, 1, false}).linear(NumberFormat::k_ones(4, 9), 2);
  return with_golden_vectors(random.requantize(16, true), "wide", 3);
}

}  // namespace
}  // namespace kones::package

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: make_page_fixture FILE\n");
    return 2;
  }
  try {
    kones::package::write_package(
        {"kones test", {kones::package::lightnn_network(), kones::package::wide_network()}}, arguments[1]);
  } catch (const kones::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
