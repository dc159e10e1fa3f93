// What memory is called in reports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace simt::check {

/// Memory that the host has allocated, now or once.
struct Range {
  uintptr_t start;
  size_t size;

  bool holds(uintptr_t address) const { return address - start < size; }
};

/// Called by the launch's argument that points there.
std::string name_of(const Range& range);

/// "VARIABLE+offset".
std::string name_of(uintptr_t address);

/// The live or released memory that the address is in.
std::optional<Range> range_at(uintptr_t address);

/// Of the memory that the launch's arguments point to, that which is nearest to the address; of all, if none
/// is.
std::optional<Range> nearest_range(uintptr_t address);

}  // namespace simt::check
