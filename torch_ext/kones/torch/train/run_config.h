// The folder of a training run, and what its config.json says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "kones/files/file_lock.h"
#include "kones/torch/train/recipe.h"

namespace kones {

/// What a data set's training pictures and labels were when a run was started.
struct TrainingData {
  int64_t images = 0;  ///< 0: not known
  uint64_t fingerprint = 0;

  bool operator==(const TrainingData& other) const {
    return images == other.images && fingerprint == other.fingerprint;
  }
};

/// What a run trains. Everything that its result depends on but the kind of machine.
struct RunConfig {
  std::string model;
  std::string method;
  std::string dataset;
  std::string device = "cpu";
  std::string init;     ///< the file that it started from, or empty
  std::string teacher;  ///< the folder of the run whose network it learned from, or empty
  uint64_t seed = 1;
  Recipe recipe;
  uint64_t teacher_fingerprint = 0;  ///< of the teacher's tensors; 0: there is none
  int64_t threads = 0;  ///< of LibTorch, which sums in another order with another number; 0: not known
  TrainingData data;
};

/// The files of a run's folder.
struct RunFolder {
  std::filesystem::path path;

  std::filesystem::path config() const { return path / "config.json"; }
  std::filesystem::path metrics() const { return path / "metrics.csv"; }
  std::filesystem::path diagnostics() const { return path / "diagnostics.csv"; }
  std::filesystem::path levels() const { return path / "levels.csv"; }
  std::filesystem::path checkpoint() const { return path / "checkpoint.pt"; }  ///< the run as it stands
  std::filesystem::path best() const { return path / "best.pt"; }              ///< the best epoch's network
  std::filesystem::path lock() const { return path / "lock"; }  ///< there while a process trains
};

/// Locks an existing folder for the training of a run. Throws Error when another process trains there.
std::unique_ptr<FileLock> lock_folder(const RunFolder& folder);

/// Whether a run goes on in `folder`; if not, it is started there. Throws Error, which says what to do, where
/// starting it would overwrite another run, and where `resume` asks for a run that is no longer whole.
bool is_resumed(const RunFolder& folder, bool resume);

/// Removes what a killed process left half-written. The folder is locked.
void remove_partial_files(const RunFolder& folder);

std::string config_to_text(const RunConfig& config);

/// Reads a run's config.json. Throws Error.
RunConfig read_config(const RunFolder& folder);

/// Throws Error that names the first setting in which `wanted` differs from what the run in `folder` was
/// started with. The threads and the data are no settings: the same pictures may lie elsewhere.
void check_same_run(const RunFolder& folder, const RunConfig& started, const RunConfig& wanted);

/// Throws Error where the teacher is no longer the one that the run in `folder` was started with.
void check_same_teacher(const RunFolder& folder, const RunConfig& started, const RunConfig& now);

/// Throws Error where the training pictures are no longer those that the run in `folder` was started with.
void check_same_data(const RunFolder& folder, const RunConfig& started, const RunConfig& now);

}  // namespace kones
