// Evaluates networks and runs on pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "kones/data/dataset.h"

namespace kones {

struct Evaluation {
  int64_t images = 0;
  int64_t errors = 0;
  double seconds = 0.0;

  double error_percent() const {
    return images == 0 ? 0.0 : 100.0 * static_cast<double>(errors) / static_cast<double>(images);
  }
};

/// Called with the number of pictures done so far, and of all.
using ImageProgress = std::function<void(int64_t done, int64_t images)>;

/// The trained network's errors on `images`: the best epoch's weights, rounded to nearest, with the
/// activations that the method trains with. `device` is cpu or cuda. `predictions`, where given, gets each
/// picture's class. Throws Error.
Evaluation evaluate_run(const std::filesystem::path& run_folder, const ImageSet& images,
                        const std::string& device, const ImageProgress& progress,
                        std::vector<int32_t>* predictions = nullptr);

}  // namespace kones
