// Names that come from files, made fit for use elsewhere.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "kones/package/package.h"

namespace kones::package {

/// `text` as an identifier of C and Verilog and a file's name: letters, digits and underscores, a letter
/// first, at most `most` characters.
std::string identifier(std::string_view text, std::size_t most = 40);

/// Identifiers of which no two are the same, whatever the case of their letters.
class UniqueNames {
 public:
  /// Of at most `most` characters and a number.
  explicit UniqueNames(std::size_t most = 40) : most_(most) {}

  /// identifier(text), with a number after it where that is taken.
  std::string add(std::string_view text);

 private:
  std::size_t most_;
  std::unordered_map<std::string, int> taken_;  ///< in small letters, and the last number after each
};

/// The identifiers of a network's layers and tensors, in their order. No layer has the name of a
/// tensor, and neither that of what formats write beside them: manifest, golden, pictures, labels.
struct NetworkNames {
  std::vector<std::string> layers;
  std::vector<std::string> tensors;

  explicit NetworkNames(const Network& network);
};

/// `text` for a comment, on one line and of ASCII alone: what could end a comment or begin another becomes an
/// underscore.
std::string comment_text(std::string_view text);

}  // namespace kones::package
