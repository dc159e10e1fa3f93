// Says which thread of which kernel an access to memory that is not there was made by, before the program
// ends.
#pragma once

namespace simt {

/// Takes over SIGSEGV and SIGBUS. In the sanitizer build AddressSanitizer has them.
void report_faults();

/// Gives the calling OS thread a stack to report on, since its own may be what has overflowed.
void prepare_fault_stack();

}  // namespace simt
