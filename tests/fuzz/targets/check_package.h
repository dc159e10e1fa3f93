// What must hold of every file that the package reader is given.
#pragma once

#include <string_view>

namespace kones::fuzz {

/// Reads `file`. It is either refused, in one line, or it is a package that validate() takes, that is written
/// and read again to the same bytes, described, and - where that is quick - computed, every integer in its
/// range and in its tensor's bits. The process ends where that is not so, and where reading holds more memory
/// or takes longer than in proportion to the file.
void check_package(std::string_view file);

}  // namespace kones::fuzz
