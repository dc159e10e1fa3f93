#include "simt/runtime/check/names.h"

#include <cstring>

#include "simt/runtime/argument_names.h"
#include "simt/runtime/block.h"
#include "simt/runtime/check/state.h"
#include "simt/runtime/symbols.h"

namespace simt::check {
namespace {

/// The static variable that ends nearest below an address which is in none.
const Variable* variable_below(const SharedMemory& shared, uintptr_t offset) {
  const Variable* nearest = nullptr;
  for (const Variable* variable : shared.static_variables()) {
    if (variable->address <= offset && (nearest == nullptr || variable->address > nearest->address))
      nearest = variable;
  }
  return nearest;
}

/// What `use` makes of each pointer in the launch's parameters, structures included, until it is true.
template <typename Use>
void for_each_pointer(Use use) {
  const Launch& launch = *state().launch;
  for (size_t i = 0; i < launch.parameter_count; ++i) {
    const ParameterBytes& parameter = launch.parameter[i];
    uintptr_t pointer = 0;
    for (size_t offset = 0; offset + sizeof(pointer) <= parameter.size; offset += sizeof(pointer)) {
      std::memcpy(&pointer, static_cast<const char*>(parameter.address) + offset, sizeof(pointer));
      if (use(i, pointer)) return;
    }
  }
}

}  // namespace

std::string name_of(const Range& range) {
  std::string name = "allocation";
  for_each_pointer([&](size_t parameter, uintptr_t pointer) {
    if (!range.holds(pointer)) return false;
    name = argument_name(*state().launch, parameter);
    return true;
  });
  return name;
}

std::optional<Range> range_at(uintptr_t address) {
  if (const Shadow* allocation = allocation_at(address))
    return Range{allocation->start(), allocation->size()};
  const auto& released = state().released;
  auto after = released.upper_bound(address);
  if (after == released.begin()) return {};
  --after;
  const Range range{after->first, after->second};
  return range.holds(address) ? std::optional<Range>(range) : std::nullopt;
}

std::optional<Range> nearest_range(uintptr_t address) {
  std::optional<Range> nearest;
  const auto distance = [&](const Range& range) {
    return address < range.start ? range.start - address : address - range.start - range.size;
  };
  const auto consider = [&](const Range& range) {
    if (!nearest || distance(range) < distance(*nearest)) nearest = range;
  };
  for_each_pointer([&](size_t, uintptr_t pointer) {
    if (const auto range = range_at(pointer)) consider(*range);
    return false;
  });
  if (nearest) return nearest;
  for (const auto& [start, allocation] : state().allocations) consider({start, allocation->size()});
  return nearest;
}

std::string name_of(uintptr_t address) {
  const State& all = state();
  const auto with_offset = [&](const std::string& name, uintptr_t start) {
    return name + "+" + std::to_string(address - start);
  };
  const uintptr_t locals = reinterpret_cast<uintptr_t>(thread_locals());
  if (address - locals < thread_locals_size()) {
    const Variable* variable = variable_below(this_block().shared(), address - locals);
    return variable == nullptr ? "?" : with_offset(variable->name, locals + variable->address);
  }
  if (address - all.dynamic_shared->start() < all.dynamic_shared->size() + guard_bytes) {
    return with_offset("dynamic", all.dynamic_shared->start());
  }
  if (const Variable* variable = variable_at(symbols().globals, address, 1)) {
    return with_offset(variable->name, variable->address);
  }
  const std::optional<Range> range = range_at(address);
  if (!range) return "?";
  return with_offset(name_of(*range), range->start) + " (of " + std::to_string(range->size) + " bytes)";
}

}  // namespace simt::check
