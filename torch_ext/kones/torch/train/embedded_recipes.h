// The files of train/recipes as the library carries them.
#pragma once

#include <string>

namespace kones {

/// The text of a recipe's file, "best/mnist-2conv.toml"; null where there is none.
const char* find_embedded_recipe(const std::string& file);

}  // namespace kones
