#include "simt/runtime/shared_memory.h"

#include <cstring>
#include <stdexcept>

#include "simt/memory.h"
#include "simt/runtime/block.h"
#include "simt/runtime/symbols.h"
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace simt {
namespace {

constexpr int pattern = 0xFF;
constexpr size_t page = 4096;

char* static_base() {
#if defined(__SANITIZE_ADDRESS__)
  return nullptr;
#else
  return thread_locals();
#endif
}

/// The static variables that the kernel may use: its own, and unless `own_only` those of device functions.
std::vector<const Variable*> variables_of(const void* kernel, bool own_only) {
  std::vector<const Variable*> variables;
  for (const Variable& variable : symbols().shared) {
    if (variable.kernel == kernel || (!own_only && variable.kernel == nullptr))
      variables.push_back(&variable);
  }
  return variables;
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool own_variables_only = true;
constexpr size_t red_zone = page;  // behind dynamic shared memory, for AddressSanitizer to report
#else
constexpr bool own_variables_only = false;
constexpr size_t red_zone = 0;
#endif

#if defined(__SANITIZE_ADDRESS__)
// Not instrumented: the variables' red zones may lie within the sizes that the symbol table states.
__attribute__((no_sanitize("address"))) void fill(char* start, size_t size) {
  for (size_t i = 0; i < size; ++i) static_cast<volatile char*>(start)[i] = static_cast<char>(pattern);
}
#else
void fill(char* start, size_t size) {
  std::memset(start, pattern, size);
}
#endif

}  // namespace

SharedMemory::~SharedMemory() {
  if (memory_ != nullptr) munmap(memory_, capacity_ + page);
}

void SharedMemory::start_block(const Launch& launch) {
  const size_t rounded = (launch.shared_bytes + page - 1) / page * page + red_zone;
  if (memory_ == nullptr || rounded > capacity_) {
    if (memory_ != nullptr) munmap(memory_, capacity_ + page);
    capacity_ = rounded;
    memory_ = mmap(nullptr, capacity_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::runtime_error("simt: no memory for dynamic shared memory");
    mprotect(static_cast<char*>(memory_) + capacity_, page, PROT_NONE);
  }
  // The memory ends where a guard page begins, up to the 16 bytes that a device aligns it to.
  dynamic_size_ = launch.shared_bytes;
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(memory_, capacity_);
#endif
  dynamic_ = static_cast<char*>(memory_) + capacity_ - red_zone - (dynamic_size_ + 15) / 16 * 16;
  std::memset(dynamic_, pattern, dynamic_size_);
#if defined(__SANITIZE_ADDRESS__)
  ASAN_POISON_MEMORY_REGION(dynamic_ + dynamic_size_,
                            static_cast<char*>(memory_) + capacity_ - dynamic_ - dynamic_size_);
#endif
  if (kernel_ != launch.kernel) {
    statics_ = variables_of(launch.kernel, own_variables_only);
    kernel_ = launch.kernel;
  }
  for (const Variable* variable : statics_) {
    char* const start = static_base() + variable->address;
    fill(start, variable->size);
  }
}

const Variable* SharedMemory::static_variable(const void* address, size_t size) const {
  const auto* bytes = static_cast<const char*>(address);
  for (const Variable* variable : statics_) {
    const char* const start = static_base() + variable->address;
    if (bytes >= start && bytes + size <= start + variable->size) return variable;
  }
  return nullptr;
}

bool SharedMemory::contains(const void* address) const {
  const auto* bytes = static_cast<const char*>(address);
  return (bytes >= dynamic_ && bytes < dynamic_ + dynamic_size_) || static_variable(address, 1) != nullptr;
}

size_t static_shared_bytes(const void* kernel) {
  size_t bytes = 0;
  for (const Variable* variable : variables_of(kernel, true)) bytes += variable->size;
  return bytes;
}

void* dynamic_shared() {
  return this_block().shared().dynamic_start();
}

bool is_shared(const void* address) {
  return this_block().shared().contains(address);
}

}  // namespace simt
