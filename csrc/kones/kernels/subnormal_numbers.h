// Subnormal numbers are numbers in the kernels, whatever a program has set.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace kones::kernels {

/// While it lives, this thread's subnormal numbers are numbers, whatever its owner has set
/// (torch.set_flush_denormal): the same input gives the same bits.
class SubnormalNumbers {
 public:
#if defined(__x86_64__)
  SubnormalNumbers() : before_(_mm_getcsr()) {
    constexpr unsigned flush_results = 0x8000;
    constexpr unsigned flush_operands = 0x0040;
    _mm_setcsr(before_ & ~(flush_results | flush_operands));
  }
  ~SubnormalNumbers() {
    _mm_setcsr(before_);
  }

 private:
  unsigned before_;
#endif
};

}  // namespace kones::kernels
