// Fibres: stacks that are switched between without the kernel's help. A fibre carries one CUDA thread.
#pragma once

#include <cstddef>
#include <vector>

namespace simt {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t stack_bytes = 256 * 1024;  // AddressSanitizer's red zones widen frames
#else
constexpr size_t stack_bytes = 64 * 1024;
#endif

/// Memory for fibres' stacks, kept for the next one. Each has a page below it that no access passes.
class StackPool {
 public:
  ~StackPool();
  /// The lowest address of stack_bytes bytes.
  char* take();
  void give_back(char* stack);

 private:
  std::vector<char*> idle_;
};

/// Whether an address is in any stack that a pool has handed out.
bool in_a_stack(const void* address);
/// Whether an address is in the page below a stack.
bool in_a_guard_page(const void* address);

/// What is saved of a fibre, or of the scheduler, while another runs.
struct Context {
  void* stack_pointer = nullptr;
  const void* stack_bottom = nullptr;  // for AddressSanitizer alone, as the rest
  size_t stack_size = 0;
  void* fake_stack = nullptr;
};

/// Prepares `context` so that the first switch to it calls `start(argument)` on the stack. start must not
/// return.
void prepare(Context& context, char* stack, void (*start)(void* argument), void* argument);

/// Saves the running context in `from` and goes on with `to`. `last`: `from` will not run again.
void switch_context(Context& from, Context& to, bool last);

/// First thing in a started fibre: where it was switched from.
void arrived(Context& from);

}  // namespace simt
