// Residual networks: what they compute, their packages against the evaluation graph, what has no integer
// form.
#include <cmath>
#include <string>
#include <variant>
#include <vector>

#include "data/error_text.h"
#include "torch/exporting/random_run.h"
#include <gtest/gtest.h>

#include "kones/torch/exporting/check.h"
#include "kones/torch/exporting/export.h"
#include "kones/torch/exporting/fold_batch_norm.h"

namespace kones {
namespace {

/// Plain and convolution shortcuts, the latter before and after the block that it passes by, and a residual
/// of the output.
Topology residual_topology() {
  LayerShape plain = LayerShape::conv2d(8, 3, 1);
  plain.residual = 0;
  LayerShape halved = LayerShape::conv2d(10, 3, 1);
  halved.stride = 2;
  LayerShape shortcut = LayerShape::conv2d(10, 1, 0);
  shortcut.stride = 2;
  shortcut.input = 1;
  shortcut.has_activation = false;
  LayerShape joined = LayerShape::conv2d(10, 3, 1);
  joined.input = 2;
  joined.residual = 3;
  LayerShape pooled = LayerShape::conv2d(7, 1, 0, Pooling::average(4));
  LayerShape last = LayerShape::linear(7);
  return {"residual", 2, 8, 8, {LayerShape::conv2d(8, 3, 1), plain, halved, shortcut, joined, pooled, last},
          ""};
}

class EveryResidualNetwork : public testing::TestWithParam<std::string> {};

TEST_P(EveryResidualNetwork, HasTheSameIntegersInThePackageAndTheGraph) {
  const Topology topology = residual_topology();
  const ImageSet images = random_images(30, topology, 41);
  const TrainedNetwork trained = random_network(topology, GetParam(), images, 41);
  const package::Network network = export_network(trained);
  int additions = 0;
  for (const package::Layer& layer : network.layers)
    additions += std::holds_alternative<package::Add>(layer.operation);
  EXPECT_EQ(additions, 2);
  const CheckReport report = check_network(network, trained, images, {});
  int64_t elements = 0;
  for (const package::Tensor& tensor : network.tensors) elements += tensor.elements();
  EXPECT_EQ(report.compared_values, elements * images.count);
  EXPECT_EQ(report.mismatched_values, 0) << report.first_mismatch;
  EXPECT_EQ(report.mismatched_signs, 0);
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryResidualNetwork, testing::ValuesIn(quantized_methods()));

/// The sum of two maps of one channel, as the package computes it.
int64_t added(const AffineMap& first, const AffineMap& second, int fraction_bits,
              const AdditionPrecision& precision, int64_t a, int64_t b) {
  package::Add add;
  append_add(first, second, fraction_bits, precision, "here", add);
  const __int128 sum = static_cast<__int128>(a) * add.first_multiplier[0] +
                       static_cast<__int128>(b) * add.second_multiplier[0] + add.addend[0];
  return static_cast<int64_t>(sum >> add.shift[0]);
}

// Maps with few bits are exact: ties too.
TEST(AppendAdd, IsExactWhereTheNumbersAre) {
  const AffineMap first = {0.75, 0.5};
  const AffineMap second = {-0.125, 0.25};
  for (int64_t a = -40; a <= 40; ++a) {
    for (int64_t b = -40; b <= 40; ++b) {
      const double y = 0.75 * static_cast<double>(a) - 0.125 * static_cast<double>(b) + 0.75;
      EXPECT_EQ(added(first, second, 2, {15, true}, a, b), std::floor(4 * y + 0.5)) << a << ", " << b;
      EXPECT_EQ(added(first, second, 2, {30, false}, a, b), std::floor(4 * y)) << a << ", " << b;
    }
  }
}

TEST(AppendAdd, TakesTheLargestShift) {
  package::Add add;
  append_add({0x1p-10, 0.0}, {1.0, 0.0}, 0, {15, true}, "here", add);  // 2^14 and 2^24
  append_add({0x1p-20, 0.0}, {1.0, 0.0}, 0, {15, true}, "here", add);  // the larger stops at 2^29
  append_add({0x1p-10, 0.0}, {1.0, 0.0}, 0, {30, false}, "here", add);
  append_add({0.0, 0.0}, {1.0, 0.0}, 0, {15, true}, "here", add);  // 0 is not the smaller
  append_add({0.0, 2.5}, {0.0, 0.0}, 0, {15, true}, "here", add);
  EXPECT_EQ(add.shift, (std::vector<uint8_t>{24, 29, 29, 14, 1}));
  EXPECT_EQ(add.first_multiplier, (std::vector<int32_t>{1 << 14, 1 << 9, 1 << 19, 0, 0}));
  EXPECT_EQ(add.second_multiplier, (std::vector<int32_t>{1 << 24, 1 << 29, 1 << 29, 1 << 14, 0}));
  EXPECT_EQ(add.addend[4], 5 + 1);
}

TEST(AppendAdd, RefusesWhatNoShiftRepresents) {
  for (const AffineMap& map :
       std::vector<AffineMap>{{1e12, 0.0}, {0x1p-40, 0x1p63}, {NAN, 0.0}, {1.0, INFINITY}}) {
    package::Add add;
    const std::string said = error_text([&] {
      append_add(map, {0x1p-40, 0.0}, 0, {15, true}, "conv3, channel 2", add);
    });
    EXPECT_EQ(said.find("conv3, channel 2 cannot be exported"), 0u) << said;
  }
}

TEST(ExportNetwork, RefusesLayersOnShortcuts) {
  Topology topology = residual_topology();
  topology.layers[4].input.reset();  // it reads the shortcut before it
  const ImageSet images = random_images(3, topology, 42);
  const TrainedNetwork trained = random_network(topology, "lightnn-1", images, 42);
  const std::string said = error_text([&] { export_network(trained); });
  EXPECT_EQ(said.find("conv5 cannot be exported: it reads conv4, which has no activation"), 0u) << said;
}

TEST(Topologies, ResidualsMustComeBeforeAndFit) {
  Topology topology = residual_topology();
  topology.layers[1].residual = 1;
  EXPECT_THROW(Network(topology, find_method("lightnn-1")), c10::ValueError);
  topology = residual_topology();
  topology.layers[4].residual = 0;
  EXPECT_THROW(Network(topology, find_method("lightnn-1")), c10::ValueError);
}

}  // namespace
}  // namespace kones
