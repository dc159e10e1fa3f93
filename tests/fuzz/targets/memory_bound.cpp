#include "memory_bound.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "require.h"
#include <sanitizer/allocator_interface.h>

namespace kones::fuzz {
namespace {

bool is_counting = false;
int64_t bound = 0;
// What was allocated before is freed too, so that it may fall below zero.
int64_t held = 0;
int64_t most = 0;

void on_allocation(const volatile void*, std::size_t bytes) {
  if (!is_counting) return;
  held += static_cast<int64_t>(bytes);
  most = std::max(most, held);
  if (held <= bound) return;
  is_counting = false;
  require(false, "holds " + std::to_string(held) + " bytes, more than the " + std::to_string(bound) +
                     " that the input's size allows; the last are " + std::to_string(bytes));
}

void on_release(const volatile void* memory) {
  if (is_counting && memory != nullptr) {
    held -= static_cast<int64_t>(__sanitizer_get_allocated_size(const_cast<const void*>(memory)));
  }
}

}  // namespace

MemoryBound::MemoryBound(std::size_t bytes) {
  static const int is_installed = __sanitizer_install_malloc_and_free_hooks(on_allocation, on_release);
  require(is_installed != 0, "the sanitizer takes no more hooks");
  bound = static_cast<int64_t>(bytes);
  held = most = 0;
  is_counting = true;
}

MemoryBound::~MemoryBound() {
  is_counting = false;
}

std::size_t MemoryBound::most_held() {
  return static_cast<std::size_t>(most);
}

}  // namespace kones::fuzz

/// Faster: where memory was allocated is not kept. ASAN_OPTIONS=malloc_context_size=30 tells it of one input.
extern "C" const char* __asan_default_options() {
  return "malloc_context_size=0:quarantine_size_mb=8";
}
