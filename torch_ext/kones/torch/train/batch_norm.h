// Batch-norm statistics for weights that training does not use as they are evaluated.
#pragma once

#include <cstdint>
#include <vector>

#include "kones/data/dataset.h"
#include "kones/torch/models/network.h"

namespace kones {

/// Replaces every batch norm's running mean and variance by their averages over 8 batches of 500 of the
/// pictures at `indices`, computed with weights rounded to nearest. Training that rounds stochastically
/// leaves statistics that do not fit the weights it is evaluated with. Weights do not change; the network is
/// left in training mode.
void recalibrate_batch_norm(Network& network, const ImageSet& images, const std::vector<int64_t>& indices);

}  // namespace kones
