// Widths and radix points of exported activations: what is chosen, what `run --check` takes, what is refused.
#include "kones/torch/exporting/choose_formats.h"

#include <string>

#include "data/error_text.h"
#include "torch/exporting/random_run.h"
#include <gtest/gtest.h>

#include "kones/torch/exporting/check.h"
#include "kones/torch/exporting/export.h"

namespace kones {
namespace {

Topology three_layers() {
  return {"three", 1, 8, 8, {LayerShape::conv2d(8, 3, 1), LayerShape::linear(9), LayerShape::linear(6)}, ""};
}

ExportOptions options_of(const std::string& bits, std::optional<Calibration> calibration = {}) {
  ExportOptions options;
  if (!bits.empty()) parse_activation_bits(bits, options);
  options.calibration = calibration;
  return options;
}

const package::Tensor& tensor_called(const package::Network& network, const std::string& name) {
  for (const package::Tensor& tensor : network.tensors) {
    if (tensor.name == name) return tensor;
  }
  throw Error("no tensor " + name);
}

class ChosenFormats : public testing::Test {
 protected:
  const Topology topology = three_layers();
  const ImageSet images = random_images(40, topology, 5);
  const TrainedNetwork trained = random_network(topology, "lightnn-2", images, 5);

  std::string refusal(const ExportOptions& options) {
    return error_text([&] { export_network(trained, options); });
  }
};

// Every width, and mixed ones: the package's integers are the graph's, which takes the widths from it.
TEST_F(ChosenFormats, EveryWidthIsProven) {
  for (const std::string bits : {"", "4", "5", "7", "8", "12", "16", "conv1=4,linear2=13", "linear2=5,*=9"}) {
    for (const Calibration calibration : {Calibration::range, Calibration::error}) {
      SCOPED_TRACE(bits);
      const package::Network network = export_network(trained, options_of(bits, calibration));
      const CheckReport report = check_network(network, trained, images, {});
      EXPECT_EQ(report.mismatched_values, 0) << report.first_mismatch;
      EXPECT_EQ(tensor_called(network, "linear3.output").bits, 16);
      EXPECT_TRUE(tensor_called(network, "linear3.output").is_signed);
      EXPECT_FALSE(tensor_called(network, "conv1.output").is_signed);
    }
  }
}

// Seen to fail on: one width for all layers.
TEST_F(ChosenFormats, LayersHaveTheirOwnWidths) {
  const package::Network network = export_network(trained, options_of("conv1=4,*=11"));
  EXPECT_EQ(tensor_called(network, "conv1.output").bits, 4);
  EXPECT_EQ(tensor_called(network, "linear2.output").bits, 11);
  EXPECT_EQ(tensor_called(export_network(trained, options_of("conv1=4")), "linear2.output").bits, 8);
}

// With 4 bits the range of half a normal distribution costs more than cutting its end off.
TEST_F(ChosenFormats, ErrorCutsOffWhatIsRare) {
  TrainedNetwork rare = trained;
  rare.largest[0] *= 64;  // as if one activation had been so large
  const auto conv1 = [&rare](Calibration calibration) {
    return choose_formats(rare, options_of("4", calibration))[0]->fraction_bits;
  };
  EXPECT_GT(conv1(Calibration::error), conv1(Calibration::range));
}

TEST_F(ChosenFormats, WhatCannotBeIsRefused) {
  EXPECT_NE(refusal(options_of("conv2=4")).find("no layer conv2 with ReLU; there is conv1, linear2"),
            std::string::npos);
  EXPECT_NE(refusal(options_of("linear3=8")).find("no layer linear3"), std::string::npos) << "the output";
  TrainedNetwork old = trained;
  old.histograms = at::Tensor();
  EXPECT_NO_THROW(export_network(old, options_of("6", Calibration::range)));
  EXPECT_NE(error_text([&] {
              export_network(old, options_of("", Calibration::error));
            }).find("train it again, or use --calibration range"),
            std::string::npos);
  const TrainedNetwork signs = random_network(topology, "binarynet", images, 6);
  EXPECT_NE(error_text([&] { export_network(signs, options_of("8")); }).find("signs, which have no width"),
            std::string::npos);
  EXPECT_NE(
      error_text([&] { export_network(signs, options_of("", Calibration::range)); }).find("no radix point"),
      std::string::npos);
}

// A radix point is a choice of the exporter's, but not any.
TEST_F(ChosenFormats, TheCheckRefusesRadixPointsThatNoRuleGives) {
  for (const int wrong : {-1, 1, 4}) {
    package::Network network = export_network(trained);
    for (package::Tensor& tensor : network.tensors) {
      if (tensor.name == "conv1.output") tensor.fraction_bits += wrong;
    }
    const std::string said = error_text([&] { check_network(network, trained, images, {}); });
    EXPECT_NE(said.find("conv1.output"), std::string::npos) << wrong << ": " << said;
  }
  package::Network network = export_network(trained);
  network.tensors.back().fraction_bits -= 1;
  EXPECT_NE(error_text([&] { check_network(network, trained, images, {}); }).find("linear3.output"),
            std::string::npos);
}

// Trained radix points are exported as they are; the trained network then computes what the package does.
TEST_F(ChosenFormats, TrainedRadixPointsAreKept) {
  TrainedNetwork fixed = random_network(topology, "lightnn-2", images, 7, 6);
  nn::Activation first = fixed.network->blocks()[0].activation;
  {
    c10::NoGradGuard no_gradient;
    first->log2_threshold.fill_(0.3);  // up to 2^1
  }
  const package::Network network = export_network(fixed);
  EXPECT_EQ(tensor_called(network, "conv1.output").bits, 6);
  EXPECT_EQ(tensor_called(network, "conv1.output").fraction_bits, 5);
  EXPECT_EQ(tensor_called(network, "linear2.output").fraction_bits, 4) << "2^2 at first";
  const CheckReport report = check_network(network, fixed, images, {});
  EXPECT_EQ(report.mismatched_values, 0) << report.first_mismatch;
  EXPECT_EQ(report.mismatched_predictions, 0);
  EXPECT_NO_THROW(export_network(fixed, options_of("6")));
  for (const ExportOptions& options :
       {options_of("8"), options_of("linear2=5"), options_of("", Calibration::range)})
    EXPECT_NE(error_text([&] { export_network(fixed, options); }).find("trained"), std::string::npos);
  package::Network moved = network;
  for (package::Tensor& tensor : moved.tensors) {
    if (tensor.name == "conv1.output") tensor.fraction_bits = 4;
  }
  EXPECT_NE(error_text([&] { check_network(moved, fixed, images, {}); }).find("training gave 6 with 5"),
            std::string::npos);
}

}  // namespace
}  // namespace kones
