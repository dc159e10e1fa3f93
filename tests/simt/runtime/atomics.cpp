#include "simt/atomics.h"

#include <cstdint>

#include "simt/error.h"
#include "simt/memory.h"
#include "simt/runtime/block.h"
#include "simt/runtime/check/check.h"

namespace simt {
namespace {

template <typename Word>
uint64_t update(void* address, AtomicFunction function, const void* operand, bool& changed) {
  auto* word = static_cast<Word*>(address);
  Word old = __atomic_load_n(word, __ATOMIC_RELAXED);
  for (;;) {
    const auto next = static_cast<Word>(function(old, operand));
    changed = next != old;
    if (__atomic_compare_exchange_n(word, &old, next, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) return old;
  }
}

}  // namespace

uint64_t atomic_update(void* address, size_t size, AtomicFunction function, const void* operand) {
  if (reinterpret_cast<uintptr_t>(address) % size != 0) {
    check::misaligned(address, "write", "an atomic", size, __builtin_return_address(0));
    fail("MISALIGNED write of %zu bytes: an atomic at %p", size, address);
  }
  check::access(address, size, check::Access::atomic, __builtin_return_address(0));
  bool changed = false;
  uint64_t old = 0;
  switch (size) {
    case 2:
      old = update<uint16_t>(address, function, operand, changed);
      break;
    case 4:
      old = update<uint32_t>(address, function, operand, changed);
      break;
    default:
      old = update<uint64_t>(address, function, operand, changed);
      break;
  }
  if (Block* block = running_block()) {
    if (changed) {
      block->advance();
    } else {
      block->spin("an atomic operation", 16, __builtin_return_address(0));
    }
  }
  return old;
}

void fence(FenceScope scope) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  check::fence(scope);
}

}  // namespace simt
