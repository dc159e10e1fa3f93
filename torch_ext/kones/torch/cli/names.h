// Lists of names for help texts.
#pragma once

#include <string>

namespace kones::cli {

/// "a, b, c"
template <typename Strings>
std::string join(const Strings& strings) {
  std::string text;
  for (const auto& string : strings) text += (text.empty() ? "" : ", ") + std::string(string);
  return text;
}

/// The names of a table's rows, as join gives them.
template <typename Table>
std::string join_names(const Table& table) {
  std::string text;
  for (const auto& row : table) text += (text.empty() ? "" : ", ") + row.name;
  return text;
}

}  // namespace kones::cli
