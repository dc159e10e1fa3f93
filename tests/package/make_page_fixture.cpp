// Writes the fixture of format 1.1 that format_page_test.py reads, tests/fixtures/package/extended.kones:
// `make_page_fixture FILE`. Run it again only when the format gets a new version; the committed file proves
// that old files stay readable. tests/fixtures/package/README.md tells what each file there holds.
//
// Three networks hold every number format and storage width, every operation, 64-bit accumulators, and every
// default that the file leaves out. The label of a golden vector is the engine's prediction, so that the
// page's prediction rule is tested too.
#include <cstdint>
#include <cstdio>
#include <utility>
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

/// `network` with golden vectors of so many pictures, whose labels are the predictions.
Network finished(Network network, const char* name, RandomNetwork& random, int count) {
  network.name = name;
  for (int index = 0; index < count; ++index) network.golden.push_back({random.images(1), -1, {}});
  meet_thresholds(network, network.golden[0].input);
  for (GoldenVector& golden : network.golden)
    golden.tensors = engine::reference_integers(network, golden.input.data());
  const engine::Engine engine(network, 1);
  for (GoldenVector& golden : network.golden) golden.label = engine.predict(golden.input.data(), 1)[0];
  return network;
}

/// A Linear of the input for each number format, with zero and the ends of its levels among the weights.
Network formats_network() {
  RandomNetwork random(5, 1, 1, 1);
  random.input_map(-1, 128, 128);
  for (const NumberFormat& format : stored_formats()) {
    // The input's magnitude is 128 at most.
    const bool is_wide = format.max_level() > INT32_MAX / 128 / 5 - 1;
    random.accumulator_bits(is_wide ? 64 : 32).from(0).linear(format, 2);
  }
  Network network = random.build();
  for (Layer& layer : network.layers) {
    Weights& weights = std::get<Linear>(layer.operation).weights;
    weights.levels[1] = weights.format.max_level();
    weights.levels[5] = weights.format.min_level();
    if (weights.format.is_level(0)) weights.levels[8] = 0;
  }
  return finished(std::move(network), "formats", random, 3);
}

/// Accumulators of 32 bits: groups, dilation, strides that differ along the axes, pooling windows that
/// overlap and hang over the edges, sums of accumulators and of activations, several tiles; sums of signs at
/// the end, which often tie.
Network residual_network() {
  RandomNetwork random(4, 5, 4, 3);
  random.conv(NumberFormat::fixed_point(2, 3), 6, {{}, 3, 3, 1, 1, 1, 1, 1, 1, 2});
  const uint32_t first = random.source();
  random.requantize(8, false).conv(NumberFormat::power_of_two(-6, 0, true), 6,
                                   {{}, 3, 3, 1, 1, 2, 1, 2, 1, 1});
  random.add(first, 9, true);
  const uint32_t sum = random.source();
  random.avg_pool({3, 3, 2, 2, 1, 0, true, 0}).requantize(6, true);
  const uint32_t averages = random.source();
  random.from(sum).max_pool({3, 3, 2, 2, 1, 0, true}).add(averages, 7, false);
  random.conv(NumberFormat::k_ones(2), 18, {{}, 1, 2, 2, 1, 0, 1, 1, 2, 1}).requantize(5, false);
  random.avg_pool({2, 1, 1, 1, 0, 0, false, 0}).requantize(12, true).max_pool({1, 2, 1, 1, 0, 0, false});
  random.linear(NumberFormat::k_ones(1), 17);
  const uint32_t features = random.source();
  random.from(first).threshold().avg_pool({3, 2, 3, 1, 1, 1, false, 0}).requantize(1, true);
  random.from(features).threshold().linear(NumberFormat::ternary(), 3);
  Network network = finished(random.build(), "residual", random, 3);
  network.class_names = {"cat", "dog", "ship"};
  return network;
}

/// Accumulators of 64 bits, read by every operation that may.
Network wide_network() {
  RandomNetwork random(2, 5, 5, 10);
  random.input_map(1, 0, 1).accumulator_bits(64);
  random.conv(NumberFormat::fixed_point(1, 19), 4, {{}, 3, 3, 1, 2, 1, 1, 1, 1, 1});
  random.max_pool({2, 2, 1, 1, 1, 0, false}).avg_pool({2, 2, 1, 2, 1, 1, false, 0}).requantize(16, false);
  random.linear(NumberFormat::power_of_two(-25, 4, true), 16);
  const uint32_t sums = random.source();
  random.requantize(31, false).from(sums).requantize(32, true);
  const uint32_t scaled = random.source();
  random.from(sums).add(scaled, 24, true).from(scaled).add(sums, 7, false);
  random.accumulator_bits(32).from(sums).threshold().linear(NumberFormat::binary(), 4);
  Network network = random.build();
  // One that no integer of 32 bits reaches.
  for (Layer& layer : network.layers) {
    if (auto* threshold = std::get_if<Threshold>(&layer.operation))
      threshold->threshold[1] = -(int64_t{1} << 40);
  }
  return finished(std::move(network), "wide", random, 3);
}

}  // namespace
}  // namespace kones::package

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: make_page_fixture FILE\n");
    return 2;
  }
  try {
    using namespace kones::package;
    write_package({"kones test", {formats_network(), residual_network(), wide_network()}}, arguments[1]);
  } catch (const kones::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
