#include "kones/torch/train/run_config.h"

#include <cinttypes>
#include <cstdio>
#include <initializer_list>

#include <nlohmann/json.hpp>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/torch/train/recipe_json.h"

namespace kones {
namespace {

constexpr std::uintmax_t max_config_bytes = 1 << 20;

nlohmann::json settings_to_json(const RunConfig& config) {
  return {{"model", config.model},
          {"method", config.method},
          {"device", config.device},
          {"init", config.init},
          {"teacher", config.teacher},
          {"seed", config.seed},
          {"settings", recipe_to_json(config.recipe)}};
}

/// As text: a JSON reader may keep numbers in float64.
std::string fingerprint_to_text(uint64_t fingerprint) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016" PRIx64, fingerprint);
  return text;
}

nlohmann::json config_to_json(const RunConfig& config) {
  nlohmann::json json = settings_to_json(config);
  json["dataset"] = config.dataset;
  json["threads"] = config.threads;
  json["teacher_fingerprint"] = fingerprint_to_text(config.teacher_fingerprint);
  json["data"] = {{"images", config.data.images},
                  {"fingerprint", fingerprint_to_text(config.data.fingerprint)}};
  return json;
}

uint64_t fingerprint_of(const nlohmann::json& text) {
  return std::stoull(text.get<std::string>(), nullptr, 16);
}

TrainingData data_from_json(const nlohmann::json& json) {
  return {json.at("images").get<int64_t>(), fingerprint_of(json.at("fingerprint"))};
}

std::string text_of(const TrainingData& data) {
  return std::to_string(data.images) + " pictures with the fingerprint " +
         fingerprint_to_text(data.fingerprint);
}

/// The name of the first of `paths` that exists, or nothing.
std::string first_existing(std::initializer_list<std::filesystem::path> paths) {
  for (const std::filesystem::path& path : paths) {
    if (std::filesystem::exists(path)) return path.filename().string();
  }
  return {};
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
    // Runs of version 0.1 have none of them.
    config.teacher = json.value("teacher", std::string());
    config.threads = json.value("threads", int64_t{0});
    if (json.contains("teacher_fingerprint"))
      config.teacher_fingerprint = fingerprint_of(json.at("teacher_fingerprint"));
    if (json.contains("data")) config.data = data_from_json(json.at("data"));
    return config;
  } catch (const std::exception& error) {
    throw Error(folder.config().string() + " is damaged: " + error.what());
  }
}

void check_same_run(const RunFolder& folder, const RunConfig& started, const RunConfig& wanted) {
  const nlohmann::json before = settings_to_json(started).flatten();
  const nlohmann::json now = settings_to_json(wanted).flatten();
  for (const auto& [key, value] : now.items()) {
    if (before.at(key) == value) continue;
    throw Error(folder.path.string() + " holds a run with " + key.substr(key.rfind('/') + 1) + " " +
                before.at(key).dump() + ", not " + value.dump() +
                "; resume it as it was started, or choose another folder");
  }
}

void check_same_teacher(const RunFolder& folder, const RunConfig& started, const RunConfig& now) {
  if (started.teacher_fingerprint == now.teacher_fingerprint) return;
  throw Error(folder.path.string() + " learned from the network in " + started.teacher +
              ", which is another one now; bring the old one back, or choose another folder");
}

void check_same_data(const RunFolder& folder, const RunConfig& started, const RunConfig& now) {
  if (started.data.images == 0 || started.data == now.data) return;
  throw Error(folder.path.string() + " holds a run on " + text_of(started.data) + "; " + now.dataset +
              " now has " + text_of(now.data) + "; bring the old ones back, or choose another folder");
}

std::unique_ptr<FileLock> lock_folder(const RunFolder& folder) {
  std::unique_ptr<FileLock> lock = FileLock::try_lock(folder.lock());
  if (!lock) {
    throw Error(folder.path.string() +
                " is in use: another process trains there; wait for its end, or choose another folder");
  }
  return lock;
}

bool is_resumed(const RunFolder& folder, bool resume) {
  const std::string name = folder.path.string();
  const std::string kept = first_existing({folder.checkpoint(), folder.best(), folder.metrics()});
  if (kept.empty()) return false;
  if (!std::filesystem::exists(folder.config())) {
    throw Error(name + " has a " + kept + " but no config.json: it may be of another run, and is not " +
                "overwritten; choose another folder");
  }
  if (!resume) {
    throw Error(name + " holds a run already; add --resume to go on with it, or choose another --out");
  }
  if (!std::filesystem::exists(folder.checkpoint())) {
    throw Error(name + " has a " + kept + " but no checkpoint.pt: the run cannot go on, and is not " +
                "overwritten; choose another folder");
  }
  return true;
}

void remove_partial_files(const RunFolder& folder) {
  for (const auto& path : {folder.config(), folder.metrics(), folder.diagnostics(), folder.levels(),
                           folder.checkpoint(), folder.best()}) {
    remove_partial_files(path);
  }
}

}  // namespace kones
