// The learning rate over a training run.
#pragma once

#include <cstdint>

#include "kones/torch/train/recipe.h"

namespace kones {

/// The learning rate of training step `step`, counted from 0 over the whole run of recipe.epochs *
/// steps_per_epoch steps. It rises linearly over the warm-up's share of the steps, then goes from
/// learning_rate to final_learning_rate: cosine (Loshchilov and Hutter, 2017), exponential (the same factor
/// each step or epoch), or not at all (constant). With the interval "epoch" it changes between epochs only,
/// and an exponential schedule's last epoch has the factor (final / first)^((epochs - 1) / epochs), as in
/// BinaryNet's code.
double learning_rate_at(const Recipe& recipe, int64_t step, int64_t steps_per_epoch);

}  // namespace kones
