// Finds what a user named in a table of things that have names.
#pragma once

#include <string>

#include "kones/error.h"

namespace kones {

/// The row of `table` whose `name` is `name`; throws UsageError that says which names there are.
template <typename Table>
const typename Table::value_type& find_choice(const std::string& what, const Table& table,
                                              const std::string& name) {
  std::string names;
  for (const auto& row : table) {
    if (row.name == name) return row;
    names += (names.empty() ? "" : ", ") + row.name;
  }
  throw UsageError("there is no " + what + " \"" + name + "\"; there is " + names);
}

}  // namespace kones
