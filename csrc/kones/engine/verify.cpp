#include "kones/engine/verify.h"

#include <algorithm>

#include "kones/engine/engine.h"
#include "kones/engine/reference.h"
#include "kones/error.h"
#include "kones/package/accumulator_bits.h"
#include "kones/package/validate.h"

namespace kones::engine {
namespace {

using package::GoldenVector;
using package::Network;
using package::Tensor;

[[noreturn]] void report(const Network& network, std::size_t vector, const std::string& place,
                         const Tensor& tensor, int64_t element, int64_t expected, int64_t computed,
                         const char* by) {
  const int64_t channel = element / tensor.pixels();
  const int64_t y = element % tensor.pixels() / tensor.width;
  const int64_t x = element % tensor.width;
  throw Error("network '" + network.name + "': golden vector " + std::to_string(vector) + ": " + place +
              ": the integer at channel " + std::to_string(channel) + ", row " + std::to_string(y) +
              ", column " + std::to_string(x) + " is " + std::to_string(expected) + " and " + by +
              " computes " + std::to_string(computed));
}

/// Compares all tensors in the order in which the network writes them.
void compare(const Network& network, std::size_t vector, const std::vector<Integers>& computed,
             const char* by) {
  const auto compare_tensor = [&](uint32_t index, const std::string& place) {
    const Integers& golden = network.golden[vector].tensors[index];
    const auto [expected, found] =
        std::mismatch(golden.begin(), golden.end(), computed[index].begin(), computed[index].end());
    if (expected == golden.end()) return;
    report(network, vector, place, network.tensors[index], expected - golden.begin(), *expected, *found, by);
  };
  compare_tensor(network.input.tensor, "the input");
  for (const package::Layer& layer : network.layers)
    compare_tensor(layer.output, "layer '" + layer.name + "'");
}

}  // namespace

NetworkProof verify(const Network& network) {
  const std::vector<package::IntegerRange> ranges = package::validate(network);
  NetworkProof proof;
  proof.network = network.name;
  for (const package::Layer& layer : network.layers) {
    if (package::weights_of(layer.operation) == nullptr) continue;
    const int64_t bound = ranges[layer.output].maximum;
    proof.accumulators.push_back({layer.name, bound, package::accumulator_bits(bound)});
  }
  const Engine engine(network);
  for (std::size_t vector = 0; vector < network.golden.size(); ++vector) {
    const GoldenVector& golden = network.golden[vector];
    compare(network, vector, reference_integers(network, golden.input.data()), "the reference");
    compare(network, vector, engine.all_integers(golden.input.data(), 1), "the engine");
    for (const Integers& integers : golden.tensors) proof.integers += static_cast<int64_t>(integers.size());
    ++proof.golden_vectors;
  }
  return proof;
}

}  // namespace kones::engine
