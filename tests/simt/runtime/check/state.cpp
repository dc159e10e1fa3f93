#include "simt/runtime/check/state.h"

namespace simt::check {

State& state() {
  static State all;
  return all;
}

Shadow* allocation_at(uintptr_t address) {
  State& all = state();
  if (all.last_allocation != nullptr &&
      address - all.last_allocation->start() < all.last_allocation->size()) {
    return all.last_allocation;
  }
  auto after = all.allocations.upper_bound(address);
  if (after == all.allocations.begin()) return nullptr;
  --after;
  if (address - after->first >= after->second->size()) return nullptr;
  return all.last_allocation = after->second.get();
}

}  // namespace simt::check
