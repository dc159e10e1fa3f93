#include "simt/runtime/check/check.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "simt/error.h"
#include "simt/runtime/block.h"
#include "simt/runtime/check/names.h"
#include "simt/runtime/check/state.h"
#include "simt/runtime/device_memory.h"
#include "simt/runtime/fiber.h"
#include "simt/runtime/symbols.h"
#include "simt/thread.h"

namespace simt::check {
namespace {

enum class Space { global, shared };

/// The layer's own variables, which kernels read: threadIdx and the like.
bool is_builtin(uintptr_t address) {
  const auto in = [&](const auto& variable) {
    return address - reinterpret_cast<uintptr_t>(&variable) < sizeof(variable);
  };
  return in(::threadIdx) || in(::blockIdx) || in(::blockDim) || in(::gridDim) || in(lane);
}

// Texts stay on a thread's stack that is then left, so they are plain arrays.
struct Text {
  char characters[512];
};

Text text_of(const std::string& from) {
  Text text;
  std::snprintf(text.characters, sizeof(text.characters), "%s", from.c_str());
  return text;
}

Text line_of(const void* site) {
  return text_of(source_line(site));
}
Text name_text(uintptr_t address) {
  return text_of(name_of(address));
}

const char* space_name(Space space) {
  return space == Space::shared ? "shared" : "global";
}
const char* verb(Access kind) {
  return kind == Access::read ? "read" : "write";
}

uint32_t site_number(const void* site) {
  return static_cast<uint32_t>(static_cast<const char*>(site) - executable_start());
}

[[noreturn]] void report_race(const char* kind, uintptr_t address, Space space, const Event& other,
                              const void* site) {
  const Text name = name_text(address);
  const Text here = line_of(site);
  const Text there = line_of(executable_start() + other.site);
  const dim3 block = state().launch->block;
  const dim3 grid = state().launch->grid;
  fail("RACE (%s) on %s memory %s at %s, against block (%u,%u,%u) thread (%u,%u,%u) at %s", kind,
       space_name(space), name.characters, here.characters, other.block % grid.x,
       other.block / grid.x % grid.y, other.block / grid.x / grid.y, other.thread % block.x,
       other.thread / block.x % block.y, other.thread / block.x / block.y, there.characters);
}

void remember_reader(Byte& byte, const Event& now, uint32_t me) {
  const Clocks& clocks = state().clocks;
  // A reader that is ordered before this one need not be kept: whatever races with it races with this one
  // too, or comes before it. Of two others, keep one of another warp.
  for (Event& reader : byte.readers) {
    if (reader.exists() && clocks.is_before(reader.block, reader.thread, reader.clock, me)) reader = Event{};
  }
  for (Event& reader : byte.readers) {
    if (!reader.exists()) {
      reader = now;
      return;
    }
  }
  const auto same_warp = [&](const Event& reader) {
    return reader.block == now.block && reader.thread / 32 == now.thread / 32;
  };
  byte.readers[same_warp(byte.readers[0]) ? 0 : 1] = now;
}

void access_bytes(const Shadow& shadow, uintptr_t address, size_t size, Access kind, Space space,
                  const void* site) {
  State& all = state();
  Block& block = this_block();
  const uint32_t me = block.current().number;
  const uint32_t generation = space == Space::shared ? all.block_generation : all.launch_generation;
  const Event now{static_cast<uint32_t>(block.linear_index()), all.clocks.now(me), site_number(site),
                  static_cast<uint16_t>(me)};
  const auto ordered = [&](const Event& event) {
    return !event.exists() || all.clocks.is_before(event.block, event.thread, event.clock, me);
  };
  for (size_t i = 0; i < size; ++i) {
    Byte& byte = *shadow.at(address + i);
    if (byte.generation != generation) {
      const bool initialised = space == Space::global && byte.initialised;
      byte = Byte{};
      byte.generation = generation;
      byte.initialised = initialised;
    }
    if (byte.copy_under_way && (kind == Access::read || byte.writer.thread == me)) {
      const Text name = name_text(address + i);
      const Text line = line_of(site);
      if (kind == Access::read) {
        fail("MISSING WAIT: cp.async data read before wait, %s memory %s at %s", space_name(space),
             name.characters, line.characters);
      }
      fail("MISSING WAIT: cp.async data written before wait, %s memory %s at %s", space_name(space),
           name.characters, line.characters);
    }
    if (kind != Access::write && !byte.initialised) {
      const Text name = name_text(address + i);
      const Text line = line_of(site);
      fail("UNINITIALISED read of %s memory %s at %s", space_name(space), name.characters, line.characters);
    }
    const bool both_atomic = kind == Access::atomic && byte.writer_is_atomic;
    if (!both_atomic && !ordered(byte.writer)) {
      report_race(kind == Access::read ? "read after write" : "write after write", address + i, space,
                  byte.writer, site);
    }
    if (kind == Access::read) {
      remember_reader(byte, now, me);
      continue;
    }
    for (const Event& reader : byte.readers) {
      if (!ordered(reader)) report_race("write after read", address + i, space, reader, site);
    }
    byte.writer = now;
    byte.writer_is_atomic = kind == Access::atomic;
    byte.initialised = true;
  }
}

[[noreturn]] void report_bounds(uintptr_t address, size_t size, Access kind, const char* what,
                                const void* site) {
  const Text line = line_of(site);
  const Text name = name_text(address);
  fail("OUT OF BOUNDS %s of %zu bytes %s, %s, at %s", verb(kind), size, what, name.characters,
       line.characters);
}

/// Device memory's addresses with no memory there.
[[noreturn]] void report_absent(uintptr_t address, size_t size, Access kind, const void* site) {
  const Text line = line_of(site);
  if (range_at(address)) {
    const Text name = name_text(address);
    fail("FREED MEMORY: %s of %zu bytes of global memory %s, which cudaFree has ended, at %s", verb(kind),
         size, name.characters, line.characters);
  }
  const std::optional<Range> nearest = nearest_range(address);
  if (!nearest)
    fail("OUT OF BOUNDS %s of %zu bytes at %p, where nothing is, at %s", verb(kind), size,
         reinterpret_cast<void*>(address), line.characters);
  const bool before = address < nearest->start;
  const Text name = text_of(name_of(*nearest));
  fail("OUT OF BOUNDS %s of %zu bytes of global memory, %zu bytes %s %s (of %zu bytes), at %s", verb(kind),
       size, before ? nearest->start - address : address - nearest->start - nearest->size,
       before ? "before" : "after", name.characters, nearest->size, line.characters);
}

bool is_shared_address(uintptr_t address) {
  const State& all = state();
  return address - all.thread_locals->start() < all.thread_locals->size() ||
         address - all.dynamic_shared->start() < all.dynamic_shared->size() + guard_bytes;
}

}  // namespace

void start_launch(const Launch& launch) {
  State& all = state();
  all.launch = &launch;
  ++all.launch_generation;
  all.clocks.start_launch();
  if (all.thread_locals == nullptr) {
    all.image = std::make_unique<Shadow>(reinterpret_cast<uintptr_t>(executable_start()), executable_size());
  }
}

void start_block(Block& block) {
  State& all = state();
  ++all.block_generation;
  const auto locals = reinterpret_cast<uintptr_t>(thread_locals());
  if (all.thread_locals == nullptr || all.thread_locals->start() != locals) {
    all.thread_locals = std::make_unique<Shadow>(locals, thread_locals_size());
  }
  const auto dynamic = reinterpret_cast<uintptr_t>(block.shared().dynamic_start());
  const size_t size = block.shared().dynamic_size();
  if (all.dynamic_shared == nullptr || all.dynamic_shared->start() != dynamic ||
      all.dynamic_shared->size() != size) {
    all.dynamic_shared = std::make_unique<Shadow>(dynamic, size);
  }
  all.clocks.start_block(static_cast<uint32_t>(block.linear_index()), block.size());
}

void barrier(Block&) {
  state().clocks.barrier();
}

void warp_barrier(Block& block, unsigned mask) {
  state().clocks.warp_barrier(block.current().number, mask);
}

void fence(FenceScope scope) {
  if (Block* block = running_block()) state().clocks.fence(block->current().number, scope);
}

void access(const void* pointer, size_t size, Access kind, const void* site) {
  Block* const block = running_block();
  if (block == nullptr || size == 0 || in_a_stack(pointer)) return;
  State& all = state();
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  if (kind == Access::atomic) all.clocks.atomic(block->current().number, address);

  const uintptr_t local_offset = address - all.thread_locals->start();
  if (local_offset < all.thread_locals->size()) {
    if (is_builtin(address)) return;
    if (variable_at(symbols().guards, local_offset, size) != nullptr) return;
    if (block->shared().static_variable(pointer, size) == nullptr) {
      report_bounds(address, size, kind, "of static shared memory", site);
    }
    return access_bytes(*all.thread_locals, address, size, kind, Space::shared, site);
  }
  const uintptr_t dynamic_offset = address - all.dynamic_shared->start();
  if (dynamic_offset < all.dynamic_shared->size() + guard_bytes) {
    if (dynamic_offset + size > all.dynamic_shared->size()) {
      report_bounds(address, size, kind, "of dynamic shared memory", site);
    }
    return access_bytes(*all.dynamic_shared, address, size, kind, Space::shared, site);
  }
  if (Shadow* shadow = allocation_at(address)) {
    if (address - shadow->start() + size > shadow->size())
      report_bounds(address, size, kind, "of global memory", site);
    return access_bytes(*shadow, address, size, kind, Space::global, site);
  }
  if (in_device_range(pointer)) report_absent(address, size, kind, site);
  const uintptr_t parameters = reinterpret_cast<uintptr_t>(all.launch->parameters);
  const bool reads_launch = address - parameters < all.launch->parameters_size ||
                            address - reinterpret_cast<uintptr_t>(all.launch) < sizeof(Launch);
  if (reads_launch && kind == Access::read) return;
  const uintptr_t image_offset = address - all.image->start();
  if (image_offset < all.image->size()) {
    if (variable_at(symbols().globals, address, size) != nullptr) {
      for (size_t i = 0; i < size; ++i) all.image->at(address + i)->initialised = true;
      return access_bytes(*all.image, address, size, kind, Space::global, site);
    }
    if (kind == Access::read && !in_writable_image(pointer)) return;  // a table of constants
  }
  const Text line = line_of(site);
  fail("HOST POINTER: %s of %zu bytes at %p, which is no device memory, at %s", verb(kind), size, pointer,
       line.characters);
}

void aligned_access(const void* address, size_t size, Access kind, const void* site) {
  if (running_block() == nullptr) return;
  if (reinterpret_cast<uintptr_t>(address) % size != 0 && !in_a_stack(address)) {
    misaligned(address, verb(kind), (std::to_string(size) + " bytes").c_str(), size, site);
  }
  access(address, size, kind, site);
}

void misaligned(const void* address, const char* verb, const char* what, size_t alignment, const void* site) {
  if (running_block() == nullptr) return;
  const Text line = line_of(site);
  const Text name = name_text(reinterpret_cast<uintptr_t>(address));
  const Space space = is_shared_address(reinterpret_cast<uintptr_t>(address)) ? Space::shared : Space::global;
  fail("MISALIGNED %s of %s, which is aligned to %zu bytes, %s memory %s, at %s", verb, what, alignment,
       space_name(space), name.characters, line.characters);
}

void copy_started(const void* pointer, size_t size) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  State& all = state();
  const Shadow& shadow = address - all.thread_locals->start() < all.thread_locals->size()
                             ? *all.thread_locals
                             : *all.dynamic_shared;
  if (address - shadow.start() >= shadow.size())
    fail("OUT OF BOUNDS write of %zu bytes: cp.async to %p, which is not shared memory", size, pointer);
  for (size_t i = 0; i < size; ++i) shadow.at(address + i)->copy_under_way = true;
}

void copy_completed(const void* pointer, size_t size, const void* site) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  State& all = state();
  const Shadow& shadow = address - all.thread_locals->start() < all.thread_locals->size()
                             ? *all.thread_locals
                             : *all.dynamic_shared;
  for (size_t i = 0; i < size; ++i) shadow.at(address + i)->copy_under_way = false;
  access(pointer, size, Access::write, site);
}

void allocated(const void* address, size_t size) {
  const auto start = reinterpret_cast<uintptr_t>(address);
  state().allocations[start] = std::make_unique<Shadow>(start, size);
}

void written_by_host(const void* address, size_t size) {
  const auto start = reinterpret_cast<uintptr_t>(address);
  Shadow* shadow = allocation_at(start);
  for (size_t i = 0; i < size; ++i) {
    Byte& byte = *shadow->at(start + i);
    byte = Byte{};
    byte.initialised = true;
  }
}

void released(const void* address) {
  State& all = state();
  all.last_allocation = nullptr;
  const auto found = all.allocations.find(reinterpret_cast<uintptr_t>(address));
  if (found == all.allocations.end()) return;
  all.released[found->first] = found->second->size();
  all.allocations.erase(found);
}

}  // namespace simt::check
