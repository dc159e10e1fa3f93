#include "simt/runtime/device_memory.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "simt/runtime/check/check.h"
#include <sys/mman.h>

namespace simt {
namespace {

constexpr size_t alignment = 256;

std::mutex mutex;

std::map<uintptr_t, size_t>& live() {
  static std::map<uintptr_t, size_t> by_address;
  return by_address;
}

#if defined(__SANITIZE_ADDRESS__)

// AddressSanitizer's allocator, with its red zones.
void* take_memory(size_t size) {
  void* memory = nullptr;
  return posix_memalign(&memory, alignment, size) == 0 ? memory : nullptr;
}

void give_memory_back(void* memory, size_t) {
  std::free(memory);
}

#else

// Pages of its own, with one behind that no access passes; the allocation ends as near to that as its
// alignment lets it.
constexpr size_t page = 4096;

size_t pages_of(size_t size) {
  return (size + page - 1) / page * page;
}
size_t aligned(size_t size) {
  return (size + alignment - 1) / alignment * alignment;
}

void* take_memory(size_t size) {
  const size_t pages = pages_of(size);
  void* const memory =
      mmap(nullptr, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  mprotect(static_cast<char*>(memory) + pages, page, PROT_NONE);
  return static_cast<char*>(memory) + pages - aligned(size);
}

void give_memory_back(void* memory, size_t size) {
  munmap(static_cast<char*>(memory) + aligned(size) - pages_of(size), pages_of(size) + page);
}

#endif

}  // namespace

void* allocate(size_t size) {
  void* const memory = take_memory(size);
  if (memory == nullptr) return nullptr;
  std::memset(memory, 0xFF, size);
  const std::lock_guard<std::mutex> lock(mutex);
  live().emplace(reinterpret_cast<uintptr_t>(memory), size);
  check::allocated(memory, size);
  return memory;
}

bool release(void* address) {
  size_t size = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = live().find(reinterpret_cast<uintptr_t>(address));
    if (found == live().end()) return false;
    size = found->second;
    live().erase(found);
    check::released(address);
  }
  give_memory_back(address, size);
  return true;
}

std::vector<Allocation> allocations() {
  const std::lock_guard<std::mutex> lock(mutex);
  std::vector<Allocation> all;
  for (const auto& [start, size] : live()) all.push_back({reinterpret_cast<char*>(start), size});
  return all;
}

bool is_allocated(const void* address, size_t size) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto start = reinterpret_cast<uintptr_t>(address);
  auto after = live().upper_bound(start);
  if (after == live().begin()) return false;
  --after;
  return start + size <= after->first + after->second;
}

}  // namespace simt
