#include "kones/torch/train/schedule.h"

#include <algorithm>
#include <cmath>

namespace kones {

double learning_rate_at(const Recipe& recipe, int64_t step, int64_t steps_per_epoch) {
  const double total = static_cast<double>(recipe.epochs * steps_per_epoch);
  const double at = static_cast<double>(
      recipe.schedule_interval == "epoch" ? step / steps_per_epoch * steps_per_epoch : step);
  const double warmup = recipe.warmup * total;
  if (static_cast<double>(step) < warmup)
    return recipe.learning_rate * (static_cast<double>(step) + 1) / (warmup + 1);
  const double progress = std::clamp((at - warmup) / std::max(total - warmup, 1.0), 0.0, 1.0);
  if (recipe.schedule == "cosine") {
    const double pi = std::acos(-1.0);
    return recipe.final_learning_rate +
           (recipe.learning_rate - recipe.final_learning_rate) * 0.5 * (1.0 + std::cos(pi * progress));
  }
  if (recipe.schedule == "exponential") {
    return recipe.learning_rate * std::pow(recipe.final_learning_rate / recipe.learning_rate, progress);
  }
  return recipe.learning_rate;
}

}  // namespace kones
