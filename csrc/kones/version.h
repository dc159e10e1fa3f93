// The version of kones, as packages record it and `kones --version` shows it.
#pragma once

namespace kones {

inline constexpr const char* version = "0.1.0";

}  // namespace kones
