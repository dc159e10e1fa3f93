// The C99 function of a layer.
#pragma once

#include <string>

#include "kones/package/convert/names.h"
#include "kones/package/package.h"

namespace kones::package {

/// What the functions of the layers share. @p@ is the prefix of every name.
extern const char* const c_helpers;

/// The arrays and the function of a layer: "static inline void <prefix>_layer_<layer>(const <type> *in,
/// [const <type> *second,] <type> *out)", whose arguments are tensors [channels][height][width].
std::string c_layer(const Network& network, std::size_t layer, const std::string& prefix,
                    const NetworkNames& names);

}  // namespace kones::package
