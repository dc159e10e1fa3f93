#include "simt/runtime/fiber.h"

#include <atomic>
#include <cstdint>
#include <stdexcept>

#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// The switch saves what the x86-64 calling convention (System V ABI, 3.2.1) makes the callee preserve, the
// return address being on the stack already, and exchanges the stack pointers. glibc's swapcontext would also
// save the signal mask, with a system call that costs ten times the rest.
#if !defined(__x86_64__) || !defined(__linux__)
#error "The SIMT layer's fibres are written for x86-64 Linux"
#endif

asm(R"(
.text
.globl simt_switch_stack
.type simt_switch_stack, @function
simt_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simt_switch_stack, . - simt_switch_stack

.globl simt_start_fiber
.type simt_start_fiber, @function
simt_start_fiber:
  .cfi_startproc
  .cfi_undefined rip
  movq %r13, %rdi
  call *%r12
  ud2
  .cfi_endproc
.size simt_start_fiber, . - simt_start_fiber
)");

extern "C" void simt_switch_stack(void** save, void* load);
extern "C" void simt_start_fiber();

namespace simt {
namespace {

constexpr size_t guard_bytes = 4096;
constexpr size_t slot_bytes = stack_bytes + guard_bytes;
// One reserved range for all stacks makes "is this address on a stack" two comparisons.
constexpr size_t arena_bytes = slot_bytes * 1024 * 16;

char* arena() {
  static char* const start = [] {
    void* memory = mmap(nullptr, arena_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("simt: no address space for the threads' stacks");
    return static_cast<char*>(memory);
  }();
  return start;
}

char* arena_start = nullptr;
std::atomic<size_t> arena_used{0};

char* new_stack() {
  arena_start = arena();
  const size_t offset = arena_used.fetch_add(slot_bytes);
  if (offset + slot_bytes > arena_bytes) throw std::runtime_error("simt: out of stacks");
  char* const stack = arena_start + offset + guard_bytes;
  if (mprotect(stack, stack_bytes, PROT_READ | PROT_WRITE) != 0) {
    throw std::runtime_error("simt: no memory for a thread's stack");
  }
  return stack;
}

}  // namespace

StackPool::~StackPool() {
  for (char* stack : idle_) madvise(stack, stack_bytes, MADV_DONTNEED);
}

char* StackPool::take() {
  if (idle_.empty()) return new_stack();
  char* const stack = idle_.back();
  idle_.pop_back();
  return stack;
}

void StackPool::give_back(char* stack) {
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(stack, stack_bytes);
#endif
  idle_.push_back(stack);
}

bool in_a_stack(const void* address) {
  return reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(arena_start) <
         arena_used.load(std::memory_order_relaxed);
}

bool in_a_guard_page(const void* address) {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(arena_start);
  return offset < arena_used.load() && offset % slot_bytes < guard_bytes;
}

void prepare(Context& context, char* stack, void (*start)(void*), void* argument) {
  // As if simt_start_fiber had been about to run and called simt_switch_stack: its return address, then six
  // registers. On entry to a function called from simt_start_fiber the stack pointer must be 8 past a
  // multiple of 16.
  void** top = reinterpret_cast<void**>(stack + stack_bytes - 64);
  *--top = nullptr;
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(simt_start_fiber);
  *--top = nullptr;                         // rbp: ends the chain of frames
  *--top = nullptr;                         // rbx
  *--top = reinterpret_cast<void*>(start);  // r12
  *--top = argument;                        // r13
  *--top = nullptr;                         // r14
  *--top = nullptr;                         // r15
  context.stack_pointer = top;
  context.stack_bottom = stack;
  context.stack_size = stack_bytes;
  context.fake_stack = nullptr;
}

void switch_context(Context& from, Context& to, bool last) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(last ? nullptr : &from.fake_stack, to.stack_bottom, to.stack_size);
#else
  static_cast<void>(last);
#endif
  simt_switch_stack(&from.stack_pointer, to.stack_pointer);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
#endif
}

void arrived(Context& from) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &from.stack_bottom, &from.stack_size);
#else
  static_cast<void>(from);
#endif
}

}  // namespace simt
