#include "simt/async_copy.h"

#include <cstdint>
#include <cstring>

#include "simt/error.h"
#include "simt/memory.h"
#include "simt/runtime/block.h"
#include "simt/runtime/check/check.h"

namespace simt {
namespace {

void complete(const PendingCopy& copy) {
  std::memcpy(copy.shared, copy.global, copy.source_size);
  std::memset(static_cast<char*>(copy.shared) + copy.source_size, 0, copy.size - copy.source_size);
}

/// Completes the copies of groups before `end`.
void complete_before(int end, const void* site) {
  Thread& thread = this_block().current();
  size_t kept = 0;
  for (const PendingCopy& copy : thread.copies) {
    if (copy.group < end) {
      complete(copy);
      check::copy_completed(copy.shared, copy.size, site);
    } else {
      thread.copies[kept++] = copy;
    }
  }
  thread.copies.resize(kept);
}

}  // namespace

void copy_async(void* shared, const void* global, size_t size, size_t source_size) {
  const void* const site = __builtin_return_address(0);
  if (size != 4 && size != 8 && size != 16) fail("INVALID COPY: cp.async of %zu bytes, not 4, 8 or 16", size);
  if (source_size > size) fail("INVALID COPY: cp.async of %zu bytes into %zu", source_size, size);
  if ((reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global)) % size != 0) {
    const void* const wrong = reinterpret_cast<uintptr_t>(shared) % size != 0 ? shared : global;
    check::misaligned(wrong, wrong == shared ? "write" : "read", "a cp.async", size, site);
    fail("MISALIGNED write of %zu bytes: cp.async from %p to %p", size, global, shared);
  }
  if (source_size > 0) check::access(global, source_size, check::Access::read, site);
  check::access(shared, size, check::Access::write, site);
  check::copy_started(shared, size);
  std::memset(shared, 0xA5, size);
  Thread& thread = this_block().current();
  thread.copies.push_back({shared, global, size, source_size, thread.copy_group});
}

void copy_async_commit() {
  ++this_block().current().copy_group;
}

void copy_async_wait(int pending) {
  complete_before(this_block().current().copy_group - pending, __builtin_return_address(0));
}

void copy_async_wait_all() {
  complete_before(this_block().current().copy_group + 1, __builtin_return_address(0));
}

}  // namespace simt
