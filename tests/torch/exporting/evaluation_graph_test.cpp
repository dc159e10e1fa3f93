// The proof behind `kones run --check`: packages of random networks against the evaluation graph, and planted
// errors.
#include "kones/torch/exporting/evaluation_graph.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "data/error_text.h"
#include "torch/exporting/random_run.h"
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "kones/engine/reference.h"
#include "kones/package/reader.h"
#include "kones/package/writer.h"
#include "kones/torch/exporting/check.h"
#include "kones/torch/exporting/export.h"

namespace kones {
namespace {

class EveryNetwork : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

// Seen to fail on: the exporter's folding with floor and ceil exchanged, with the half left out, with the
// epsilon left out, with the mean's sign turned, with gamma 0 and a negative shift taken as +1; weights in
// another order; an activation's radix point off by one.
TEST_P(EveryNetwork, HasTheSameIntegersInThePackageAndTheGraph) {
  const auto& [model, method] = GetParam();
  const RandomRun run(model, method, 17);
  const package::Package exported = export_package(run.folder.path());
  ASSERT_EQ(exported.networks.size(), 1u);
  const package::Network network = package::parse_package(package::serialize(exported), "memory").networks[0];
  EXPECT_EQ(network.model, model);
  EXPECT_EQ(network.method, method);
  EXPECT_EQ(network.dataset, "mnist") << "without the folder, which is the machine's own affair";
  EXPECT_EQ(network.class_names, run.trained.class_names);

  const CheckReport report = check_package(network, run.folder.path(), run.images, {});
  int64_t elements = 0;
  for (const package::Tensor& tensor : network.tensors) elements += tensor.elements();
  EXPECT_EQ(report.compared_values, elements * run.images.count) << "every integer of every tensor";
  EXPECT_EQ(report.mismatched_values, 0) << report.first_mismatch;
  EXPECT_EQ(report.first_mismatch, "");
  EXPECT_EQ(report.evaluation.images, run.images.count);

  ASSERT_EQ(network.golden.size(), 2u);
  for (int64_t i = 0; i < 2; ++i) {
    const package::GoldenVector& golden = network.golden[static_cast<size_t>(i)];
    EXPECT_EQ(golden.label, i == 0 ? 4 : 2);
    EXPECT_EQ(golden.tensors, engine::reference_integers(network, golden.input.data()));
    const at::Tensor image = run.trained.golden_images[i].contiguous();
    EXPECT_EQ(golden.input,
              std::vector<uint8_t>(image.data_ptr<uint8_t>(), image.data_ptr<uint8_t>() + image.numel()));
  }
}

// Exporter and graph could agree and both be wrong, so what the first block's integers stand for is compared
// with the trained network itself: its inputs are exact there, and one rounding is all that may be between.
// Seen to fail on: a unit of 1/256, or the weights' unit left out, in both at once.
TEST_P(EveryNetwork, StandsForWhatTheNetworkComputes) {
  const auto& [model, method] = GetParam();
  RandomRun run(model, method, 18);
  run.trained.network->eval();
  std::vector<at::Tensor> outputs;
  {
    c10::NoGradGuard no_gradient;
    const std::vector<int64_t> all = consecutive_indices(0, run.images.count);
    run.trained.network->observed_forward(
        make_batch(run.images, all.data(), run.images.count),
        [&outputs](const Block&, const at::Tensor& y) { outputs.push_back(y); });
  }
  const Block& first = run.trained.network->blocks()[0];
  const package::Network network = export_package(run.folder.path()).networks[0];
  const package::Tensor* tensor = nullptr;
  for (const package::Tensor& candidate : network.tensors) {
    if (candidate.name == first.name + ".output") tensor = &candidate;
  }
  ASSERT_NE(tensor, nullptr);
  const at::Tensor pictures =
      at::from_blob(run.images.pixels.data(),
                    {run.images.count, run.images.channels, run.images.height, run.images.width}, at::kByte);
  const at::Tensor integers =
      EvaluationGraph(run.trained).integers(pictures).at(tensor->name).to(at::kDouble);
  const at::Tensor y = outputs[0].to(at::kDouble);
  if (tensor->kind == package::TensorKind::sign) {
    // Where float32 rounding may turn a sign there is nothing to compare; beta 0 with gamma 0 is y = 0, and
    // +1.
    const double different = integers.ne(y).to(at::kDouble).mean().item<double>();
    EXPECT_LT(different, 1e-4);
    EXPECT_GT(integers.eq(-1).sum().item<int64_t>(), 0);
    EXPECT_GT(integers.eq(1).sum().item<int64_t>(), 0);
    return;
  }
  const double step = std::ldexp(1.0, -tensor->fraction_bits);
  const at::Tensor expected = y.clamp_max(255 * step);
  EXPECT_LE((integers * step - expected).abs().max().item<double>(),
            0.5 * step + 2e-4 * y.max().item<double>());
  EXPECT_GT(integers.max().item<double>(), 127.0) << "the radix point wastes a bit";
  EXPECT_LE(y.max().item<double>() * 0.7, 255 * step);
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryNetwork,
                         testing::Combine(testing::Values("mnist-1hidden", "mnist-2conv"),
                                          testing::ValuesIn(quantized_methods())));

INSTANTIATE_TEST_SUITE_P(CeilModeAndAverages, EveryNetwork,
                         testing::Combine(testing::Values("cifar-3conv"),
                                          testing::Values("lightnn-2", "ternary-bin", "binarynet")));

/// Strides, padding, dilation and groups; overlapping windows of both poolings, padded and in ceil mode, in a
/// picture that is not square.
Topology topology_of_every_geometry() {
  LayerShape first = LayerShape::conv2d(8, 3, 2, Pooling::max(3, 2, 1, true));
  first.stride = 2;
  first.dilation = 2;
  first.groups = 2;
  LayerShape second = LayerShape::conv2d(12, 3, 1, Pooling::average(3, 2, 1, false));
  second.groups = 4;
  const LayerShape third = LayerShape::conv2d(10, 2, 1, Pooling::average(2, 2, 0, true));
  return {"geometry", 4, 13, 11, {first, second, third, LayerShape::linear(7)}, "for tests"};
}

// Seen to fail on: the padding counted in averages.
class EveryGeometry : public testing::TestWithParam<std::string> {};

TEST_P(EveryGeometry, HasTheSameIntegersInThePackageAndTheGraph) {
  const Topology topology = topology_of_every_geometry();
  const ImageSet images = random_images(30, topology, 27);
  const TrainedNetwork trained = random_network(topology, GetParam(), images, 27);
  const package::Network network = export_network(trained);
  const CheckReport report = check_network(network, trained, images, {});
  int64_t elements = 0;
  for (const package::Tensor& tensor : network.tensors) elements += tensor.elements();
  EXPECT_EQ(report.compared_values, elements * images.count);
  EXPECT_EQ(report.mismatched_values, 0) << report.first_mismatch;
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryGeometry, testing::ValuesIn(quantized_methods()));

int bits_of(const package::Network& network, const std::string& tensor) {
  for (const package::Tensor& candidate : network.tensors) {
    if (candidate.name == tensor) return candidate.bits;
  }
  throw Error("no tensor " + tensor);
}

// Sums that 32 bits cannot be proven for: by many large weights, and by an average's common multiple.
TEST(ExportNetwork, WidensTheAccumulatorsThatNeedIt) {
  const Topology many = {"many", 1, 32, 32, {LayerShape::conv2d(17, 1, 0), LayerShape::linear(6)}, ""};
  const ImageSet pictures = random_images(3, many, 28);
  TrainedNetwork trained = random_network(many, "lightnn-4", pictures, 28);
  {
    c10::NoGradGuard no_gradient;
    trained.network->blocks()[1].weight()->latent.normal_(0.0, 1000.0);
  }
  package::Network network = export_network(trained);
  EXPECT_EQ(bits_of(network, "conv1.accumulator"), 32);
  EXPECT_EQ(bits_of(network, "linear2.accumulator"), 64);
  EXPECT_EQ(check_network(network, trained, pictures, {}).mismatched_values, 0);

  const Topology average = {
      "average", 3, 32, 32, {LayerShape::conv2d(8, 5, 2, Pooling::average(32)), LayerShape::linear(6)}, ""};
  const ImageSet colours = random_images(3, average, 29);
  for (const std::string method : {"lightnn-2", "lightnn-2-bin"}) {
    SCOPED_TRACE(method);
    trained = random_network(average, method, colours, 29);
    {
      c10::NoGradGuard no_gradient;
      trained.network->blocks()[0].weight()->latent.normal_(0.0, 1000.0);
    }
    network = export_network(trained);
    EXPECT_EQ(bits_of(network, "conv1.accumulator"), 32);
    EXPECT_EQ(bits_of(network, "conv1.pooled"), 64);
    EXPECT_EQ(check_network(network, trained, colours, {}).mismatched_values, 0);
  }
}

TEST(ExportNetwork, RefusesAveragesWithoutACommonMultiple) {
  // Windows of 17 * 17, and of every smaller size at the edges.
  const Topology topology = {
      "many-sizes",
      1,
      24,
      24,
      {LayerShape::conv2d(6, 1, 0, Pooling::average(17, 1, 8, false)), LayerShape::linear(6)},
      ""};
  const ImageSet images = random_images(3, topology, 30);
  const TrainedNetwork trained = random_network(topology, "lightnn-1", images, 30);
  const std::string said = error_text([&] { export_network(trained); });
  EXPECT_EQ(said.find("conv1 cannot be exported: its average pooling has windows of so many sizes"), 0u)
      << said;
}

/// Turns the sign of the largest weight.
void turn_weight(package::Network& network, const std::string& layer) {
  package::Operation& operation = operation_of(network, layer);
  package::Weights& weights = std::holds_alternative<package::Linear>(operation)
                                  ? std::get<package::Linear>(operation).weights
                                  : std::get<package::Conv2d>(operation).weights;
  *std::max_element(weights.levels.begin(), weights.levels.end()) *= -1;
}

// Seen to fail on: a comparison that stops after the first tensor; one that compares predictions alone.
TEST(CheckPackage, ReportsPlantedErrors) {
  struct Plant {
    std::string model;
    std::string method;
    std::string first_tensor;
    std::function<void(package::Network&)> change;
  };
  const std::vector<Plant> plants = {
      {"mnist-1hidden", "lightnn-1", "linear1.accumulator", [](auto& n) { turn_weight(n, "linear1"); }},
      {"mnist-1hidden", "lightnn-1", "linear2.accumulator", [](auto& n) { turn_weight(n, "linear2"); }},
      {"mnist-1hidden", "lightnn-1", "linear1.output",
       [](auto& n) {
         auto& requantize = std::get<package::Requantize>(operation_of(n, "linear1.requantize"));
         requantize.addend[3] += int64_t{1} << requantize.shift[3];
       }},
      {"mnist-1hidden", "lightnn-1", "linear2.output",
       [](auto& n) { ++std::get<package::Requantize>(operation_of(n, "linear2.requantize")).multiplier[3]; }},
      {"mnist-1hidden", "lightnn-1", "input",
       [](auto& n) {
         n.input.offset = -256;
         n.golden.clear();
       }},
      {"mnist-1hidden", "binarynet", "linear1.output",
       [](auto& n) {
         auto& rising = std::get<package::Threshold>(operation_of(n, "linear1.sign")).rising;
         rising[3] = 1 - rising[3];
       }},
      {"mnist-2conv", "lightnn-2-bin", "conv2.accumulator", [](auto& n) { turn_weight(n, "conv2"); }},
      {"mnist-2conv", "lightnn-2-bin", "linear3.accumulator", [](auto& n) { turn_weight(n, "linear3"); }},
  };
  std::unique_ptr<RandomRun> run;
  std::string of;
  for (const Plant& plant : plants) {
    SCOPED_TRACE(plant.method + ", " + plant.first_tensor);
    if (of != plant.model + plant.method) {
      run = std::make_unique<RandomRun>(plant.model, plant.method, 19);
      of = plant.model + plant.method;
    }
    package::Network network = export_package(run->folder.path()).networks[0];
    plant.change(network);
    const CheckReport report = check_package(network, run->folder.path(), run->images, {});
    EXPECT_GT(report.mismatched_values, 0);
    if (plant.method == "binarynet") {
      EXPECT_GT(report.mismatched_signs, 0);
    }
    EXPECT_EQ(report.first_mismatch.find(plant.first_tensor + ", picture "), 0u) << report.first_mismatch;
  }
}

// Seen to fail on: the exporter's ceil taken one too high.
TEST(CheckPackage, ReportsAThresholdThatIsOffByOne) {
  const RandomRun run("mnist-1hidden", "lightnn-1-bin", 20);
  const at::Tensor pictures =
      at::from_blob(const_cast<uint8_t*>(run.images.pixels.data()), {run.images.count, 1, 28, 28}, at::kByte);
  const at::Tensor accumulators = EvaluationGraph(run.trained).integers(pictures).at("linear1.accumulator");
  // Batch norm that crosses 0 just below an accumulator that occurs: a threshold that is one higher differs
  // there.
  const int64_t accumulator = accumulators[0][3].item<int64_t>();
  const Block& block = run.trained.network->blocks()[0];
  {
    c10::NoGradGuard no_gradient;
    const double unit = std::ldexp(1.0 / 255, -7);
    const double deviation = std::sqrt(block.norm_variance()[3].item<double>() + block.norm_options().eps());
    block.norm_mean()[3] = 0.0;
    block.norm_bias()[3] = -1.5 / deviation * unit * (static_cast<double>(accumulator) - 0.5);
  }
  save_trained_network(run.trained, run.folder / "best.pt");
  package::Network network = export_package(run.folder.path()).networks[0];
  EXPECT_EQ(check_package(network, run.folder.path(), run.images, {}).mismatched_values, 0);
  auto& threshold = std::get<package::Threshold>(operation_of(network, "linear1.sign"));
  ASSERT_EQ(threshold.rising[3], 1);
  ASSERT_EQ(threshold.threshold[3], accumulator);
  ++threshold.threshold[3];
  const CheckReport report = check_package(network, run.folder.path(), run.images, {});
  EXPECT_GT(report.mismatched_values, 0);
  EXPECT_EQ(report.first_mismatch.find("linear1.output, picture 0, element 3: -1 in the package, 1 from"), 0u)
      << report.first_mismatch;
}

TEST(CheckPackage, RefusesAnotherRun) {
  const RandomRun run("mnist-1hidden", "lightnn-1", 21);
  const RandomRun other("mnist-1hidden", "lightnn-2", 21);
  const package::Network network = export_package(run.folder.path()).networks[0];
  EXPECT_NE(error_text([&] {
              check_package(network, other.folder.path(), run.images, {});
            }).find("the package is of mnist-1hidden with lightnn-1"),
            std::string::npos);
  package::Network renamed = network;
  renamed.tensors[1].name = "linear1.sums";
  EXPECT_NE(error_text([&] {
              check_package(renamed, run.folder.path(), run.images, {});
            }).find("the run has no tensor linear1.sums"),
            std::string::npos);
  const RandomRun same("mnist-1hidden", "lightnn-1", 22);
  // A run of the same kind with other weights has other ranges as well.
  EXPECT_NE(
      error_text([&] { check_package(network, same.folder.path(), run.images, {}); }).find("fraction bits"),
      std::string::npos);
  TrainedNetwork with_ranges = same.trained;
  with_ranges.largest = run.trained.largest;
  EXPECT_GT(check_network(network, with_ranges, run.images, {}).mismatched_values, 0);
}

TEST(ExportPackage, RefusesFloatWeights) {
  const RandomRun run("mnist-1hidden", "float", 23);
  const std::string said = error_text([&] { export_package(run.folder.path()); });
  EXPECT_EQ(said.find("linear1 cannot be exported: its weights are float32"), 0u) << said;
}

TEST(ExportPackage, RefusesBatchNormsWithoutIntegerForm) {
  const RandomRun run("mnist-1hidden", "lightnn-1", 24);
  {
    c10::NoGradGuard no_gradient;
    run.trained.network->blocks()[0].norm_weight()[7] = 1e30;
  }
  save_trained_network(run.trained, run.folder / "best.pt");
  const std::string said = error_text([&] { export_package(run.folder.path()); });
  EXPECT_EQ(said.find("linear1, channel 7 cannot be exported"), 0u) << said;
}

}  // namespace
}  // namespace kones
