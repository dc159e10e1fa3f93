#include "kones/torch/train/run_config.h"

#include <nlohmann/json.hpp>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/torch/train/recipe_json.h"

namespace kones {
namespace {

constexpr std::uintmax_t max_config_bytes = 1 << 20;

nlohmann::json config_to_json(const RunConfig& config) {
  return {{"model", config.model},
          {"method", config.method},
          {"dataset", config.dataset},
          {"device", config.device},
          {"init", config.init},
          {"seed", config.seed},
          {"settings", recipe_to_json(config.recipe)}};
}

}  // namespace

std::string config_to_text(const RunConfig& config) {
  return config_to_json(config).dump(2) + "\n";
}

RunConfig read_config(const RunFolder& folder) {
  if (!std::filesystem::is_directory(folder.path)) {
    throw Error(folder.path.string() + " is no folder of a run; kones train --out makes one");
  }
  if (!std::filesystem::exists(folder.config())) {
    throw Error(folder.path.string() +
                " is no folder of a run: it has no config.json; kones train --out makes one");
  }
  const std::string text = read_file(folder.config(), max_config_bytes);
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    RunConfig config;
    json.at("model").get_to(config.model);
    json.at("method").get_to(config.method);
    json.at("dataset").get_to(config.dataset);
    json.at("device").get_to(config.device);
    json.at("init").get_to(config.init);
    json.at("seed").get_to(config.seed);
    config.recipe = recipe_from_json(json.at("settings"));
    return config;
  } catch (const std::exception& error) {
    throw Error(folder.config().string() + " is damaged: " + error.what());
  }
}

void check_same_run(const RunFolder& folder, const RunConfig& started, const RunConfig& wanted) {
  const nlohmann::json before = config_to_json(started).flatten();
  const nlohmann::json now = config_to_json(wanted).flatten();
  for (const auto& [key, value] : now.items()) {
    if (before.at(key) == value) continue;
    throw Error(folder.path.string() + " holds a run with " + key.substr(key.rfind('/') + 1) + " " +
                before.at(key).dump() + ", not " + value.dump() +
                "; resume it as it was started, or choose another folder");
  }
}

}  // namespace kones
