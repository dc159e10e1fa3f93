// Writes .kones files.
#pragma once

#include <filesystem>
#include <string>

#include "kones/package/package.h"

namespace kones::package {

/// The bytes of the file of `package`, the same for the same package. Throws Error for an invalid package and
/// for one beyond the largest file.
std::string serialize(const Package& package);

/// Writes the file, whole or not at all. Throws Error.
void write_package(const Package& package, const std::filesystem::path& path);

}  // namespace kones::package
