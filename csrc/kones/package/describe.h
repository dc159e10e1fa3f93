// What a package holds, for people and for programs.
#pragma once

#include <string>

#include "kones/package/package.h"

namespace kones::package {

/// A readable table: per network its origin, its layers (geometry, number format, weight bytes, accumulator
/// bound and the bits that hold it), its sizes against float32, its golden vectors; then the total of several
/// networks. Throws Error for an invalid package.
std::string describe(const Package& package);

/// The same as one JSON object. Throws Error for an invalid package.
std::string describe_json(const Package& package);

}  // namespace kones::package
