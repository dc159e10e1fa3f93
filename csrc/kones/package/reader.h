// Reads .kones files, which may be hostile.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "kones/package/package.h"

namespace kones::package {

/// The package in the bytes of a file, checked in full: header, checksum, FlatBuffer, and validate(). Memory
/// stays within 64 times the bytes' size (32 of them where codes of 1 bit become levels), time within a
/// multiple of it. Throws Error, which names `origin`, network, layer and reason.
Package parse_package(std::string_view bytes, const std::string& origin);

/// Reads a file of at most max_file_bytes. Throws Error.
Package read_package(const std::filesystem::path& path);

}  // namespace kones::package
