#include "simt/runtime/device_memory.h"

#include <atomic>
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

void remember_released(uintptr_t, size_t) {}

#else

// Pages of its own in one range of addresses, none of them used twice, with a gap behind that no access
// passes; the allocation ends as near to that as its alignment lets it.
constexpr size_t page = 4096;
constexpr size_t gap = size_t{1} << 20;
constexpr size_t range_bytes = size_t{1} << 42;

char* reserve(void* at, size_t size, int fixed) {
  void* const memory = mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
}

char* range() {
  static char* const start = reserve(nullptr, range_bytes, 0);
  return start;
}

// From the middle on, so that what lies far before an allocation is in the range too.
std::atomic<size_t> range_used{range_bytes / 2};

std::map<uintptr_t, size_t>& released() {
  static std::map<uintptr_t, size_t> by_address;
  return by_address;
}

void remember_released(uintptr_t start, size_t size) {
  released().emplace(start, size);
}

size_t pages_of(size_t size) {
  return (size + page - 1) / page * page;
}
size_t aligned(size_t size) {
  return (size + alignment - 1) / alignment * alignment;
}

void* take_memory(size_t size) {
  const size_t pages = pages_of(size);
  if (range() == nullptr || pages > range_bytes - gap - range_used) return nullptr;
  char* const memory = range() + range_used.fetch_add(pages + gap);
  // Mapped anew rather than unprotected, so that the system may refuse what it has not got.
  if (mmap(memory, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
      MAP_FAILED) {
    reserve(memory, pages, MAP_FIXED);
    return nullptr;
  }
  return memory + pages - aligned(size);
}

void give_memory_back(void* memory, size_t size) {
  reserve(static_cast<char*>(memory) + aligned(size) - pages_of(size), pages_of(size), MAP_FIXED);
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
    remember_released(reinterpret_cast<uintptr_t>(address), size);
    check::released(address);
  }
  give_memory_back(address, size);
  return true;
}

#if defined(__SANITIZE_ADDRESS__)

bool was_released(const void*) {
  return false;
}

bool in_device_range(const void*) {
  return false;
}

#else

bool was_released(const void* address) {
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  auto after = released().upper_bound(wanted);
  if (after == released().begin()) return false;
  --after;
  return wanted - after->first < after->second;
}

bool in_device_range(const void* address) {
  return reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(range()) < range_bytes;
}

#endif

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
