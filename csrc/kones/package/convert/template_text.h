// Texts with places to fill in.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace kones::package {

/// `text` with each @name@ replaced by its value. Values are not looked into. Throws std::invalid_argument
/// for a name without a value.
std::string filled(std::string_view text, const std::map<std::string, std::string>& values);

}  // namespace kones::package
