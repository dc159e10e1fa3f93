#include "kones/torch/train/evaluate.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "kones/data/dataset.h"
#include "kones/torch/cli/commands.h"
#include "kones/torch/cli/names.h"
#include "kones/torch/cli/progress.h"
#include "kones/torch/cli/test_images.h"
#include "kones/torch/cli/whole_number.h"

namespace kones::cli {
namespace {

struct EvaluateArguments {
  std::string folder;
  std::string dataset;
  std::string device = "cpu";
  int64_t limit = 0;
  bool json = false;
};

int run_evaluate(const EvaluateArguments& arguments) {
  const ImageSet images = load_test_images(arguments.dataset, arguments.limit);
  ImageProgressBar progress("evaluate");
  const Evaluation evaluation = evaluate_run(arguments.folder, images, arguments.device, std::ref(progress));
  progress.clear();
  const double rate = static_cast<double>(evaluation.images) / evaluation.seconds;
  if (arguments.json) {
    const nlohmann::json result = {{"images", evaluation.images},
                                   {"errors", evaluation.errors},
                                   {"test_error_percent", evaluation.error_percent()},
                                   {"images_per_second", rate}};
    std::printf("%s\n", result.dump().c_str());
  } else {
    std::printf("test error %.2f %% (%d of %d pictures), %.0f images/s\n", evaluation.error_percent(),
                static_cast<int>(evaluation.errors), static_cast<int>(evaluation.images), rate);
  }
  return 0;
}

}  // namespace

void add_evaluate(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("evaluate", "Test the best epoch of a run");
  auto arguments = std::make_shared<EvaluateArguments>();
  command->add_option("folder", arguments->folder, "Folder of the run")->required();
  command->add_option("--dataset", arguments->dataset, "Pictures: " + join(dataset_names()))->required();
  command->add_option("--device", arguments->device, "cpu or cuda")->capture_default_str();
  command->add_option("--limit", arguments->limit, "Only the first so many test pictures")
      ->check(whole_number_from<int64_t>(1));
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments, &status] { status = run_evaluate(*arguments); });
}

}  // namespace kones::cli
