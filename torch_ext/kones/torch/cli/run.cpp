#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "kones/data/dataset.h"
#include "kones/engine/engine.h"
#include "kones/error.h"
#include "kones/package/convert/convert.h"
#include "kones/package/reader.h"
#include "kones/torch/cli/commands.h"
#include "kones/torch/cli/names.h"
#include "kones/torch/cli/progress.h"
#include "kones/torch/cli/test_images.h"
#include "kones/torch/cli/whole_number.h"
#include "kones/torch/exporting/check.h"

namespace kones::cli {
namespace {

constexpr int64_t batch_size = 256;

struct RunArguments {
  std::string file;
  std::string dataset;
  std::string check;
  std::string network;
  int64_t limit = 0;
  bool json = false;
};

/// Refuses pictures that the network does not take.
void check_pictures(const ImageSet& images, const package::Network& network) {
  const package::Tensor& input = network.tensors[network.input.tensor];
  const auto same = [](uint32_t a, int b) { return static_cast<int64_t>(a) == b; };
  if (!same(input.channels, images.channels) || !same(input.height, images.height) ||
      !same(input.width, images.width)) {
    throw Error("the package takes pictures of " + std::to_string(input.channels) + " x " +
                std::to_string(input.height) + " x " + std::to_string(input.width) + "; the data set has " +
                std::to_string(images.channels) + " x " + std::to_string(images.height) + " x " +
                std::to_string(images.width));
  }
}

Evaluation evaluate_package(const package::Network& network, const ImageSet& images,
                            const ImageProgress& progress) {
  const engine::Engine engine(network);
  Evaluation evaluation;
  const auto start = std::chrono::steady_clock::now();
  for (int64_t first = 0; first < images.count; first += batch_size) {
    const int64_t count = std::min(batch_size, images.count - first);
    const std::vector<int32_t> predictions =
        engine.predict(images.pixels.data() + first * engine.input_bytes(), count);
    for (int64_t i = 0; i < count; ++i) {
      evaluation.errors +=
          predictions[static_cast<size_t>(i)] != images.labels[static_cast<size_t>(first + i)];
    }
    progress(first + count, images.count);
  }
  evaluation.images = images.count;
  evaluation.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return evaluation;
}

int run_run(const RunArguments& arguments) {
  const package::Package read = package::read_package(arguments.file);
  const package::Network& network = read.networks[package::choose_network(read, arguments.network)];
  const ImageSet images = load_test_images(arguments.dataset, arguments.limit);
  check_pictures(images, network);
  const bool checks = !arguments.check.empty();
  ImageProgressBar progress("run");
  CheckReport report;
  if (checks) {
    report = check_package(network, arguments.check, images, std::ref(progress));
  } else {
    report.evaluation = evaluate_package(network, images, std::ref(progress));
  }
  progress.clear();
  const Evaluation& evaluation = report.evaluation;
  const double rate = static_cast<double>(evaluation.images) / evaluation.seconds;
  if (arguments.json) {
    nlohmann::json result = {{"images", evaluation.images},
                             {"errors", evaluation.errors},
                             {"test_error_percent", evaluation.error_percent()},
                             {"images_per_second", rate}};
    if (checks) {
      result["mismatched_predictions"] = report.mismatched_predictions;
      result["mismatched_values"] = report.mismatched_values;
      result["compared_values"] = report.compared_values;
      result["mismatched_signs"] = report.mismatched_signs;
      result["compared_signs"] = report.compared_signs;
      result["rounded_signs"] = report.rounded_signs;
    }
    std::printf("%s\n", result.dump().c_str());
  } else {
    std::printf("test error in integers %.2f %% (%d of %d pictures), %.0f images/s\n",
                evaluation.error_percent(), static_cast<int>(evaluation.errors),
                static_cast<int>(evaluation.images), rate);
    if (checks) {
      std::printf(
          "%lld mismatched integers of %lld compared; %lld predictions differ from the trained network's\n",
          static_cast<long long>(report.mismatched_values), static_cast<long long>(report.compared_values),
          static_cast<long long>(report.mismatched_predictions));
      if (report.compared_signs > 0) {
        std::printf(
            "%lld hidden signs of %lld differ from the trained network's own, computed in float64; %lld in "
            "float32, which rounds\n",
            static_cast<long long>(report.mismatched_signs), static_cast<long long>(report.compared_signs),
            static_cast<long long>(report.rounded_signs));
      }
    }
  }
  if (report.mismatched_values > 0) {
    throw Error("the package's integers are not those of the checkpoint: first in " + report.first_mismatch);
  }
  if (report.mismatched_signs > 0) {
    throw Error(std::to_string(report.mismatched_signs) +
                " hidden signs are not those of the trained network: export the run again");
  }
  return 0;
}

}  // namespace

void add_run(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("run", "Test a package in integers");
  auto arguments = std::make_shared<RunArguments>();
  command->add_option("file", arguments->file, "The package, *.kones")->required();
  command->add_option("--dataset", arguments->dataset, "Pictures: " + join(dataset_names()))->required();
  command->add_option("--check", arguments->check,
                      "Compare every integer of every layer with the run in this folder");
  command->add_option("--network", arguments->network,
                      "Which network, by name or number, where the package holds several");
  command->add_option("--limit", arguments->limit, "Only the first so many test pictures")
      ->check(whole_number_from<int64_t>(1));
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments, &status] { status = run_run(*arguments); });
}

}  // namespace kones::cli
