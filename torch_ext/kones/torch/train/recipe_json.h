// A recipe as JSON. Apart from recipe.h, so that who trains with an installed kones needs no JSON library.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "kones/torch/train/recipe.h"

namespace kones {

nlohmann::json recipe_to_json(const Recipe& recipe);

/// Throws Error for a field that is missing or of another type.
Recipe recipe_from_json(const nlohmann::json& json);

}  // namespace kones
