// constants.toml as the library carries it.
#pragma once

namespace kones::hardware {

extern const char* const embedded_constants;

}  // namespace kones::hardware
