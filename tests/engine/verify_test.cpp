#include "kones/engine/verify.h"

#include <cstdlib>

#include "package/random_network.h"
#include <gtest/gtest.h>

#include "kones/package/validate.h"

namespace kones::engine {
namespace {

using package::error_of;
using package::Network;

TEST(Verify, SaysWhatIsProven) {
  const Network network = package::extended_network(3);
  const NetworkProof proof = verify(network);
  EXPECT_EQ(proof.network, "random");
  EXPECT_EQ(proof.golden_vectors, 3);
  int64_t elements = 0;
  for (const package::Tensor& tensor : network.tensors) elements += tensor.elements();
  EXPECT_EQ(proof.integers, 3 * elements);

  const auto ranges = package::validate(network);
  ASSERT_EQ(proof.accumulators.size(), 4u);
  const int layers[] = {0, 4, 6, 8};
  for (int index = 0; index < 4; ++index) {
    const AccumulatorProof& accumulator = proof.accumulators[index];
    const package::Layer& layer = network.layers[layers[index]];
    EXPECT_EQ(accumulator.layer, layer.name);
    EXPECT_EQ(accumulator.bound, ranges[layer.output].maximum);
    EXPECT_GE((int64_t{1} << (accumulator.bits - 1)) - 1, accumulator.bound);
    EXPECT_LT((int64_t{1} << (accumulator.bits - 2)) - 1, accumulator.bound);
  }
}

TEST(Verify, WithoutGoldenVectors) {
  const NetworkProof proof = verify(package::example_network(0));
  EXPECT_EQ(proof.golden_vectors, 0);
  EXPECT_EQ(proof.integers, 0);
}

// Seen to fail on: the last vector or the last element not compared; tensors compared in
// their own order and not the layers'.
TEST(Verify, NamesTheFirstDifference) {
  Network network = package::extended_network(3);
  const package::Layer& last = network.layers.back();
  const package::Layer& earlier = network.layers[4];
  int64_t& output = network.golden[2].tensors[last.output].back();
  output += output > 0 ? -1 : 1;
  const std::string place = "network 'random': golden vector 2: layer '";
  EXPECT_EQ(
      error_of([&] { verify(network); }).find(place + last.name + "': the integer at channel 1, row 0,"), 0u);

  auto& values = network.golden[2].tensors[earlier.output];
  values[7] += values[7] > 0 ? -1 : 1;
  const std::string text = error_of([&] { verify(network); });
  const package::Tensor& tensor = network.tensors[earlier.output];
  EXPECT_EQ(text, place + earlier.name + "': the integer at channel " + std::to_string(7 / tensor.pixels()) +
                      ", row " + std::to_string(7 % tensor.pixels() / tensor.width) + ", column " +
                      std::to_string(7 % tensor.width) + " is " + std::to_string(values[7]) +
                      " and the reference computes " +
                      std::to_string(package::extended_network(3).golden[2].tensors[earlier.output][7]));
}

// A changed weight shows too, and so does an accumulator that could overflow.
TEST(Verify, SeesChangedWeights) {
  Network network = package::example_network(1);
  auto& conv = std::get<package::Conv2d>(network.layers[0].operation);
  conv.weights.levels[3] = -conv.weights.levels[3];
  EXPECT_NE(error_of([&] { verify(network); }).find("golden vector 0: layer 'Conv2d1'"), std::string::npos);
  network.input.multiplier = 1 << 22;
  EXPECT_NE(error_of([&] { verify(network); }).find("beyond the 2147483647"), std::string::npos);
}

}  // namespace
}  // namespace kones::engine
