// The functions that -fsanitize=thread has compiled kernels call before each access. ThreadSanitizer's own library is not
// linked: here a thread is a CUDA thread.
#include <cstddef>

#include "simt/runtime/check/check.h"

using simt::check::Access;

// clang-format off
#define SIMT_ACCESS(name, size, kind)                                                            \
  void __tsan_##name##size(void* address) {                                                      \
    simt::check::aligned_access(address, size, kind, __builtin_return_address(0));               \
  }
#define SIMT_UNALIGNED_ACCESS(name, size, kind)                                                  \
  void __tsan_unaligned_##name##size(void* address) {                                            \
    simt::check::access(address, size, kind, __builtin_return_address(0));                       \
  }
#define SIMT_ACCESSES(size)                    \
  SIMT_ACCESS(read, size, Access::read)        \
  SIMT_ACCESS(write, size, Access::write)      \
  SIMT_ACCESS(volatile_read, size, Access::read)    \
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

}  // extern "C"
