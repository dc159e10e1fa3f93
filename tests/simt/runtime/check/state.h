// All that the check build keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "simt/launch.h"
#include "simt/runtime/check/clocks.h"
#include "simt/runtime/check/shadow.h"

namespace simt::check {

constexpr uintptr_t guard_bytes = 4096;  // behind dynamic shared memory

/// Kernels run on one OS thread, so it needs no lock but for allocations.
struct State {
  Clocks clocks;
  uint32_t launch_generation = 0;
  uint32_t block_generation = 0;
  const Launch* launch = nullptr;
  std::map<uintptr_t, std::unique_ptr<Shadow>> allocations;  ///< by address
  Shadow* last_allocation = nullptr;
  std::map<uintptr_t, size_t> released;   ///< sizes of allocations that have ended, by address
  std::unique_ptr<Shadow> thread_locals;  ///< of static shared memory
  std::unique_ptr<Shadow> dynamic_shared;
  std::unique_ptr<Shadow> image;  ///< of variables at namespace scope
};

State& state();

/// The allocation that an address is in, or null.
Shadow* allocation_at(uintptr_t address);

}  // namespace simt::check
