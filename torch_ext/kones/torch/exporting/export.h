// Turns a trained run into a package: the work of `kones export`.
#pragma once

#include <filesystem>

#include "kones/package/package.h"

namespace kones {

/// The package of the best epoch of the run in `run_folder`. Tensors are named "input" and, for a block b,
/// "b.accumulator", "b.pooled" where it pools, and "b.output". Batch norm folds into a multiply-shift a
/// channel, or into a threshold before signs (docs/package-format.md, "Folding batch norm"). Throws Error for
/// networks that have no integer form, naming the layer and the reason.
package::Package export_package(const std::filesystem::path& run_folder);

}  // namespace kones
