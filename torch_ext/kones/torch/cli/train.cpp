#include "kones/torch/train/train.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "kones/data/dataset.h"
#include "kones/error.h"
#include "kones/torch/cli/commands.h"
#include "kones/torch/cli/names.h"
#include "kones/torch/cli/progress.h"
#include "kones/torch/cli/whole_number.h"
#include "kones/torch/methods/method.h"
#include "kones/torch/models/topology.h"
#include "kones/torch/train/memory.h"

namespace kones::cli {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

/// The first signal asks for an orderly end; the handler is gone after it, so that a second one ends the
/// program.
void catch_signals() {
  struct sigaction action = {};
  action.sa_handler = [](int number) { stop_signal = number; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // Under nohup the end of the terminal is to be ignored.
  struct sigaction hangup = {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
}

bool stop_requested() {
  return stop_signal != 0;
}

struct TrainArguments {
  TrainRequest request;
  std::string recipe = "best";
  std::string config_file;
  int64_t epochs = 0;
  bool json = false;
};

/// In training, over all epochs.
double images_per_second(const TrainResult& result) {
  double seconds = 0.0;
  double images = 0.0;
  for (const EpochRecord& record : result.epochs) {
    seconds += record.seconds;
    images += record.seconds * record.images_per_second;
  }
  return images / std::max(seconds, 1e-9);
}

void print_result(const TrainResult& result, const TrainArguments& arguments) {
  if (arguments.json) {
    const nlohmann::json json = {{"best_epoch", result.best_epoch},
                                 {"epochs", result.epochs.size()},
                                 {"validation_error_percent", result.best_validation_error_percent},
                                 {"images_per_second", images_per_second(result)},
                                 {"folder", arguments.request.out.string()}};
    std::printf("%s\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::printf("best epoch %d of %d: validation error %.2f %%\n", static_cast<int>(result.best_epoch),
                static_cast<int>(result.epochs.size()), result.best_validation_error_percent);
  }
}

int run_train(TrainArguments& arguments) {
  RunConfig& config = arguments.request.config;
  parse_dataset_name(config.dataset);
  config.recipe = make_recipe(arguments.recipe, find_topology(config.model), find_method(config.method));
  if (!arguments.config_file.empty()) apply_toml(config.recipe, arguments.config_file);
  if (arguments.epochs > 0) config.recipe.epochs = arguments.epochs;
  catch_signals();
  keep_freed_memory();
  TrainProgress progress;
  const TrainResult result = train(arguments.request, progress, stop_requested);
  if (result.interrupted) {
    throw Error("interrupted: the run is saved; go on with the same command and --resume");
  }
  print_result(result, arguments);
  return 0;
}

}  // namespace

void add_train(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("train", "Train a network");
  auto arguments = std::make_shared<TrainArguments>();
  RunConfig& config = arguments->request.config;
  command->add_option("--model", config.model, "Topology: " + join_names(topologies()))->required();
  command->add_option("--method", config.method, "What is quantized, and how: " + join_names(methods()))
      ->required();
  command->add_option("--dataset", config.dataset, "Pictures: " + join(dataset_names()))->required();
  command
      ->add_option("--out", arguments->request.out,
                   "Folder of the run: config.json, metrics.csv, diagnostics.csv, levels.csv, checkpoints")
      ->required();
  command->add_option("--recipe", arguments->recipe, "How it is trained: " + join(recipe_names()))
      ->capture_default_str();
  command->add_option("--epochs", arguments->epochs, "Epochs, in place of the recipe's")
      ->check(whole_number_from<int64_t>(1));
  command->add_option("--seed", config.seed, "Seed of everything random")
      ->check(whole_number_from<uint64_t>(0))
      ->capture_default_str();
  command->add_option("--device", config.device, "cpu or cuda")->capture_default_str();
  command->add_option("--init", config.init, "Start from the network in this checkpoint (best.pt of a run)");
  command->add_option(
      "--teacher", config.teacher,
      "Folder of a run whose network teaches this one, as far as the recipe's distillation says");
  command->add_option("--config", arguments->config_file, "TOML file with settings in place of the recipe's");
  command->add_flag("--resume", arguments->request.resume, "Go on with the run in --out, to the same bits");
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->footer(
      "Layers of binary weights and signs use kones's packed kernel or LibTorch's, whichever is measured to "
      "be faster; "
      "the environment variable KONES_BINARY_KERNEL (auto, packed, libtorch) chooses, KONES_CPU_TIER the "
      "instruction "
      "set.");
  command->callback([arguments, &status] { status = run_train(*arguments); });
}

}  // namespace kones::cli
