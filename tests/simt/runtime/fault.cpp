#include "simt/runtime/fault.h"

#include <cstdio>
#include <memory>

#include "simt/runtime/block.h"
#include "simt/runtime/device_memory.h"
#include "simt/runtime/fiber.h"
#include <signal.h>
#include <unistd.h>

namespace simt {

#if defined(__SANITIZE_ADDRESS__)

void report_faults() {}
void prepare_fault_stack() {}

#else

namespace {

// The program is about to end, so what is not safe in a signal handler is worth the risk for what it tells.
void report(int signal, siginfo_t* information, void*) {
  if (Block* block = running_block()) {
    const char* what = "OUT OF BOUNDS access of memory that is not there";
    if (was_released(information->si_addr)) what = "FREED MEMORY: access";
    if (in_a_guard_page(information->si_addr)) what = "STACK OVERFLOW";
    // A general protection fault, which tells no address: what a vector load or store of 16 bytes gives.
    if (information->si_code == SI_KERNEL)
      what = "MISALIGNED access of a vector, or an access outside all memory,";
    std::fprintf(stderr, "%s: %s at %p; %s\n", block->launch().name, what, information->si_addr,
                 block->wait_place(block->current()).c_str());
    std::fflush(stderr);
  }
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);  // the access is made again, and ends the program
}

constexpr size_t fault_stack_bytes = 128 * 1024;

}  // namespace

void report_faults() {
  struct sigaction action {};
  action.sa_sigaction = report;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

void prepare_fault_stack() {
  static thread_local std::unique_ptr<char[]> memory;
  if (memory != nullptr) return;
  memory = std::make_unique<char[]>(fault_stack_bytes);
  stack_t stack{};
  stack.ss_sp = memory.get();
  stack.ss_size = fault_stack_bytes;
  sigaltstack(&stack, nullptr);
}

#endif

}  // namespace simt
