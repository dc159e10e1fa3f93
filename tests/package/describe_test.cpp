#include "kones/package/describe.h"

#include <string>

#include "package/random_network.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kones::package {
namespace {

/// Weights whose sums are known: 3 inputs of at most 255, levels of 128: 97920, which 18 signed bits hold.
Package known_package(int networks) {
  Network network;
  network.name = "tiny";
  network.model = "mlp";
  network.method = "lightnn-1";
  network.dataset = "noise";
  network.tensors = {Tensor::integer("x", 3), Tensor::integer("y", 2)};
  network.output = 1;
  network.layers.push_back(
      {"fc", {0}, 1, Linear{{NumberFormat::k_ones(1), 2, 3, std::vector<int32_t>(6, 128)}}});
  return {"kones test", std::vector<Network>(networks, network)};
}

TEST(Describe, ShowsLayersSizesAndBounds) {
  const std::string text = describe(known_package(2));
  for (const char* expected :
       {"format 1.1, written by kones test", "network tiny: model mlp, method lightnn-1, data set noise",
        "byte b enters as 2 * b - 255, in units of 1/255", "3 to 2", "1-ones, shifts 0..7  128", "97920",
        "18", "  6 weights: 128 bytes of codes, 24 in float32, 0.19 times fewer", "0 golden vectors",
        "all 2 networks: 12 weights: 256 bytes"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << "\n" << text;
  }
}

// Seen to fail on: the sign bit of the accumulator forgotten.
TEST(Describe, JsonHasTheSameNumbers) {
  const auto json = nlohmann::json::parse(describe_json(known_package(1)));
  const auto& layer = json["networks"][0]["layers"][0];
  EXPECT_EQ(layer["name"], "fc");
  EXPECT_EQ(layer["operation"], "Linear");
  EXPECT_EQ(layer["accumulator_bound"], 97920);
  EXPECT_EQ(layer["accumulator_bits"], 18);
  EXPECT_EQ(layer["code_bytes"], 128);
  EXPECT_EQ(json["networks"][0]["golden_vectors"], 0);
  EXPECT_EQ(json["float32_bytes"], 24);
}

TEST(Describe, EveryOperationIsShown) {
  const std::string text = describe(example_package());
  for (const char* expected :
       {"kernel 3x2, stride 1x1, padding 1x0", "kernel 2x2, stride 2x2, padding 0x0, ceil",
        "unsigned 8 bits * 2^-4", "signs", "binary", "of 3 falling", "1 golden vectors"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << "\n" << text;
  }
}

TEST(Describe, WhatFormat11AddedIsShown) {
  const std::string text = describe({"kones test", {extended_network()}});
  for (const char* expected : {"powers of two, exponents -6..0, and zero",
                               "kernel 3x2, stride 2x2, padding 1x0, ceil, in units of 1/12", "AvgPool2d",
                               "Add", "signed fixed point [1, 3]", "wide integers", "ternary"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << "\n" << text;
  }
}

TEST(Describe, JsonSurvivesNamesThatAreNotText) {
  Package package = known_package(1);
  package.networks[0].layers[0].name = "\xff";
  EXPECT_NO_THROW(nlohmann::json::parse(describe_json(package)));
}

}  // namespace
}  // namespace kones::package
