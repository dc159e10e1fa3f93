// Turns a trained run into a package: the work of `kones export`.
#pragma once

#include <filesystem>

#include "kones/package/package.h"
#include "kones/torch/exporting/export_options.h"

namespace kones {

struct TrainedNetwork;

/// The integer network of a trained one, with its golden vectors, and without a name or a data set. Tensors
/// are named "input" and, for a block b, "b.accumulator", "b.pooled" where it pools, "b.sum" before the
/// signs of a sum with a residual, and "b.output" unless another block adds its sums. Batch
/// norm folds into a multiply-shift a channel, or into a threshold before signs (docs/package-format.md,
/// "Folding batch norm"). Throws Error for networks that have no integer form, naming the layer and the
/// reason.
package::Network export_network(const TrainedNetwork& trained, const ExportOptions& options = {});

/// The package of the best epoch of the run in `run_folder`. Throws Error as export_network does.
package::Package export_package(const std::filesystem::path& run_folder, const ExportOptions& options = {});

}  // namespace kones
