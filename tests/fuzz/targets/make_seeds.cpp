// Writes the packages that the corpus starts from: `make_seeds PAYLOADS FILES`, two folders.
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "package/random_network.h"

#include "kones/files/atomic_file.h"
#include "kones/package/file_header.h"
#include "kones/package/writer.h"

namespace kones::package {
namespace {

/// A convolution of `format`, then what turns its sums into the format's own kind of activations.
Network network_of(const NumberFormat& format, uint32_t seed) {
  Conv2d conv;
  conv.kernel_height = 2;
  conv.kernel_width = 3;
  conv.padding_width = 1;
  RandomNetwork random(2, 3, 3, seed);
  random.accumulator_bits(format.max_level() > 1 << 14 ? 64 : 32).conv(format, 2, conv).requantize(4, false);
  return random.accumulator_bits(32).linear(NumberFormat::binary(), 2).build();
}

Network wide_network() {
  RandomNetwork random(2, 5, 4, 8);
  random.conv(NumberFormat::k_ones(1, 1), 2, {{}, 3, 2, 2, 1, 4, 3, 1, 2, 2}).requantize(12, true);
  random.max_pool({3, 2, 4, 1, 1, 0, true}).threshold().linear(NumberFormat::k_ones(2, 3), 2);
  return random.build();
}

Network pooled_network() {
  RandomNetwork random(1, 4, 5, 9);
  random.avg_pool({3, 2, 1, 2, 1, 1, true, 0}).requantize(8, true).max_pool({2, 2, 1, 1, 0, 0, false});
  return random.accumulator_bits(64).linear(NumberFormat::ternary(), 2).threshold().build();
}

/// One layer.
Network least_network(int golden = 0) {
  return RandomNetwork(1, 1, 1, 1).linear(NumberFormat::binary(), 2).build(golden);
}

/// Golden vectors of 64-bit integers.
Network wide_golden_network() {
  return RandomNetwork(1, 1, 2, 3).accumulator_bits(64).linear(NumberFormat::ternary(), 2).build(2);
}

/// Averages alone: accumulators near their end.
Network averaging_network() {
  return RandomNetwork(2, 2, 3, 4).avg_pool({2, 3, 1, 1, 0, 0, false, 0}).build();
}

/// The network with names of a letter or two: a small input is tried more often.
Network with_short_names(Network network) {
  network.name = network.model = network.method = network.dataset = "n";
  for (std::size_t index = 0; index < network.tensors.size(); ++index)
    network.tensors[index].name = "t" + std::to_string(index);
  for (std::size_t index = 0; index < network.layers.size(); ++index)
    network.layers[index].name = "l" + std::to_string(index);
  return network;
}

std::vector<Package> seeds() {
  const std::string producer = "kones";
  std::vector<Package> packages = {
      {producer, {least_network()}},     {producer, {example_network(0)}},
      {producer, {example_network(1)}},  {producer, {extended_network(0)}},
      {producer, {extended_network(1)}}, {producer, {wide_network()}},
      {producer, {pooled_network()}},    {"", {least_network(), least_network()}},
      {producer, {least_network(1)}},    {producer, {wide_golden_network()}},
      {producer, {averaging_network()}}};
  uint32_t seed = 20;
  for (const NumberFormat& format :
       {NumberFormat::k_ones(1, 0), NumberFormat::k_ones(2), NumberFormat::k_ones(3, 15),
        NumberFormat::k_ones(4, 15), NumberFormat::power_of_two(-3, 2),
        NumberFormat::power_of_two(-30, 0, true), NumberFormat::ternary(), NumberFormat::fixed_point(2, 6),
        NumberFormat::fixed_point(0, 7, false)}) {
    packages.push_back({producer, {network_of(format, seed++)}});
  }
  return packages;
}

}  // namespace
}  // namespace kones::package

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: make_seeds PAYLOADS FILES\n");
    return 2;
  }
  try {
    const std::filesystem::path payloads = arguments[1];
    const std::filesystem::path files = arguments[2];
    int number = 0;
    for (kones::package::Package& package : kones::package::seeds()) {
      for (kones::package::Network& network : package.networks)
        network = kones::package::with_short_names(std::move(network));
      const std::string name = "seed-" + std::to_string(number++);
      const std::string file = kones::package::serialize(package);
      kones::write_file_atomically(files / name, file);
      kones::write_file_atomically(payloads / name, file.substr(kones::package::header_bytes));
    }
  } catch (const kones::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
