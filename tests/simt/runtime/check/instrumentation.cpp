// The functions that -fsanitize=thread has compiled kernels call before each access. ThreadSanitizer's own
// library is not linked: here a thread is a CUDA thread.
#include <cstddef>

#include "simt/runtime/block.h"
#include "simt/runtime/check/check.h"

using simt::check::Access;

namespace {

/// A thread that reads one address again and again may be waiting for another to write there.
void spin_on(const void* address, const void* site) {
  simt::Block* const block = simt::running_block();
  if (block == nullptr) return;
  simt::Thread& thread = block->current();
  if (thread.volatile_read != address) thread.fruitless = 0;
  thread.volatile_read = address;
  block->spin("a volatile read", 16, site);
}

}  // namespace

// clang-format off
#define SIMT_ACCESS(name, size, kind)                                                            \
  void __tsan_##name##size(void* address) {                                                      \
    simt::check::aligned_access(address, size, kind, __builtin_return_address(0));               \
  }
#define SIMT_VOLATILE_READ(size)                                                                 \
  void __tsan_volatile_read##size(void* address) {                                               \
    simt::check::aligned_access(address, size, Access::read, __builtin_return_address(0));       \
    spin_on(address, __builtin_return_address(0));                                               \
  }
#define SIMT_UNALIGNED_ACCESS(name, size, kind)                                                  \
  void __tsan_unaligned_##name##size(void* address) {                                            \
    simt::check::access(address, size, kind, __builtin_return_address(0));                       \
  }
#define SIMT_ACCESSES(size)                    \
  SIMT_ACCESS(read, size, Access::read)        \
  SIMT_ACCESS(write, size, Access::write)      \
  SIMT_VOLATILE_READ(size)                     \
  SIMT_ACCESS(volatile_write, size, Access::write)  \
  SIMT_UNALIGNED_ACCESS(read, size, Access::read)   \
  SIMT_UNALIGNED_ACCESS(write, size, Access::write)
// clang-format on

extern "C" {

SIMT_ACCESSES(1)
SIMT_ACCESSES(2)
SIMT_ACCESSES(4)
SIMT_ACCESSES(8)
SIMT_ACCESSES(16)

void __tsan_read_range(void* address, size_t size) {
  simt::check::access(address, size, Access::read, __builtin_return_address(0));
}
void __tsan_write_range(void* address, size_t size) {
  simt::check::access(address, size, Access::write, __builtin_return_address(0));
}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

// Atomics of host code that shares a file with kernels (a shared_ptr's count); kernels have CUDA's.
#define SIMT_HOST_ATOMICS(bits, T)                                       \
  T __tsan_atomic##bits##_load(const volatile T* address, int) {         \
    return __atomic_load_n(address, __ATOMIC_SEQ_CST);                   \
  }                                                                      \
  void __tsan_atomic##bits##_store(volatile T* address, T value, int) {  \
    __atomic_store_n(address, value, __ATOMIC_SEQ_CST);                  \
  }                                                                      \
  T __tsan_atomic##bits##_exchange(volatile T* address, T value, int) {  \
    return __atomic_exchange_n(address, value, __ATOMIC_SEQ_CST);        \
  }                                                                      \
  T __tsan_atomic##bits##_fetch_add(volatile T* address, T value, int) { \
    return __atomic_fetch_add(address, value, __ATOMIC_SEQ_CST);         \
  }                                                                      \
  T __tsan_atomic##bits##_fetch_sub(volatile T* address, T value, int) { \
    return __atomic_fetch_sub(address, value, __ATOMIC_SEQ_CST);         \
  }

SIMT_HOST_ATOMICS(8, unsigned char)
SIMT_HOST_ATOMICS(32, unsigned)
SIMT_HOST_ATOMICS(64, unsigned long)

}  // extern "C"
