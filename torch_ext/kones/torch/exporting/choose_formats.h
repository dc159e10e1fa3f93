// Which fixed-point formats the activations of an exported network have.
#pragma once

#include <optional>
#include <vector>

#include "kones/torch/exporting/activation_format.h"
#include "kones/torch/exporting/export_options.h"
#include "kones/torch/train/trained_network.h"

namespace kones {

/// The format of each block's output; nothing where that is signs, or another block adds it. Trained radix
/// points are kept. Throws UsageError for options that the network cannot follow, and Error where the run
/// lacks what they need.
std::vector<std::optional<ActivationFormat>> choose_formats(const TrainedNetwork& trained,
                                                            const ExportOptions& options);

}  // namespace kones
