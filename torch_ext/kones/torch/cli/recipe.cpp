#include "kones/torch/train/recipe.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "kones/torch/cli/commands.h"
#include "kones/torch/cli/names.h"
#include "kones/torch/methods/method.h"
#include "kones/torch/models/topology.h"
#include "kones/torch/train/recipe_json.h"

namespace kones::cli {
namespace {

struct RecipeArguments {
  std::string model;
  std::string method;
  std::string recipe = "best";
  std::string config_file;
  bool json = false;
};

int run_recipe(const RecipeArguments& arguments) {
  Recipe recipe =
      make_recipe(arguments.recipe, find_topology(arguments.model), find_method(arguments.method));
  if (!arguments.config_file.empty()) apply_toml(recipe, arguments.config_file);
  nlohmann::json settings = recipe_to_json(recipe);
  if (arguments.json) {
    std::printf("%s\n", settings.dump().c_str());
    return 0;
  }
  settings.erase("recipe");  // which a file does not choose
  // JSON's numbers, texts in quotes, true and false are TOML's as well.
  for (const auto& [name, value] : settings.items())
    std::printf("%s = %s\n", name.c_str(), value.dump().c_str());
  return 0;
}

}  // namespace

void add_recipe(CLI::App& app, int& status) {
  CLI::App* command =
      app.add_subcommand("recipe", "Print a recipe's settings, as TOML that kones train --config takes");
  auto arguments = std::make_shared<RecipeArguments>();
  command->add_option("--model", arguments->model, "Topology: " + join_names(topologies()))->required();
  command->add_option("--method", arguments->method, "Method: " + join_names(methods()))->required();
  command->add_option("--recipe", arguments->recipe, "Which: " + join(recipe_names()))->capture_default_str();
  command->add_option("--config", arguments->config_file, "TOML file with settings in place of the recipe's");
  command->add_flag("--json", arguments->json, "Print them as JSON");
  command->callback([arguments, &status] { status = run_recipe(*arguments); });
}

}  // namespace kones::cli
