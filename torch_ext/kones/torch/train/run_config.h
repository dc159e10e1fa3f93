// The folder of a training run, and what its config.json says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "kones/torch/train/recipe.h"

namespace kones {

/// What a run trains. Everything that its result depends on but the machine.
struct RunConfig {
  std::string model;
  std::string method;
  std::string dataset;
  std::string device = "cpu";
  std::string init;  ///< the file that it started from, or empty
  uint64_t seed = 1;
  Recipe recipe;
};

/// The files of a run's folder.
struct RunFolder {
  std::filesystem::path path;

  std::filesystem::path config() const { return path / "config.json"; }
  std::filesystem::path metrics() const { return path / "metrics.csv"; }
  std::filesystem::path checkpoint() const { return path / "checkpoint.pt"; }  ///< the run as it stands
  std::filesystem::path best() const { return path / "best.pt"; }              ///< the best epoch's network
};

std::string config_to_text(const RunConfig& config);

/// Reads a run's config.json. Throws Error.
RunConfig read_config(const RunFolder& folder);

/// Throws Error that names the first setting in which `wanted` differs from what the run in `folder` was
/// started with.
void check_same_run(const RunFolder& folder, const RunConfig& started, const RunConfig& wanted);

}  // namespace kones
