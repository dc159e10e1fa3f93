// What a network is, without its arrays, as JSON for the programs that read them.
#pragma once

#include <string>

#include "kones/package/convert/names.h"
#include "kones/package/package.h"

namespace kones::package {

/// The network's origin, input map, tensors, and layers in order with their geometry and number formats, and
/// the rule of the prediction, as a JSON object on one line. Layers and tensors have their own name and their
/// identifier of `names`. Texts that are not UTF-8 have replacement characters; the rest is ASCII.
std::string network_json(const Network& network, const NetworkNames& names);

/// A manifest in JSON: the format's name, the producer, the network, and the members of the JSON object
/// `more`.
std::string manifest(const char* format, const Package& package, const Network& network,
                     const NetworkNames& names, const std::string& more);

}  // namespace kones::package
