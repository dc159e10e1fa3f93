// What the launching code calls a kernel's arguments, for reports.
#pragma once

#include <cstddef>
#include <string>

#include "simt/launch.h"

namespace simt {

/// What KONES_LAUNCH was given behind the kernel, since the last call; null if the launch was not made by it.
const char* take_launch_text();

/// "x" or "from.data()" for parameter `number` (from 0), or "parameter1" where the launch does not say.
std::string argument_name(const Launch& launch, size_t number);

}  // namespace simt
