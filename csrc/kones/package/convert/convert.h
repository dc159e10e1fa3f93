// Packages in the files of other programs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "kones/files/atomic_folder.h"
#include "kones/package/package.h"

namespace kones::package {

struct ConvertRequest {
  std::filesystem::path file;        ///< the package's file, for converters that are programs of their own
  const Package* package = nullptr;  ///< what `file` holds; valid
  std::size_t network = 0;           ///< which of its networks
  std::filesystem::path out;         ///< the file or folder to write

  const Network& source() const { return package->networks[network]; }
};

/// What a converter wrote. Names of files in a folder; for one file, its path.
using Written = std::vector<WrittenFile>;

struct Converter {
  const char* name;
  const char* description;  ///< for people, without a full stop
  bool makes_folder;        ///< else one file
  /// Writes the network, whole or not at all. Throws Error.
  Written (*convert)(const ConvertRequest& request);
};

/// All of them.
const std::vector<Converter>& converters();

/// The converter `name`. Throws UsageError for one that does not exist.
const Converter& find_converter(const std::string& name);

/// The network that `choice` names: its name, or else its index from 0 on. An empty choice takes the only
/// network. Throws UsageError.
std::size_t choose_network(const Package& package, const std::string& choice);

}  // namespace kones::package
