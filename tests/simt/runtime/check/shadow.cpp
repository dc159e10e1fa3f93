#include "simt/runtime/check/shadow.h"

#include <algorithm>
#include <stdexcept>

#include <sys/mman.h>

namespace simt::check {

Shadow::Shadow(uintptr_t start, size_t size) : start_(start), size_(size) {
  void* memory = mmap(nullptr, std::max<size_t>(1, size) * sizeof(Byte), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("simt: no memory for the check build's shadow");
  bytes_ = static_cast<Byte*>(memory);
}

Shadow::~Shadow() {
  munmap(bytes_, std::max<size_t>(1, size_) * sizeof(Byte));
}

}  // namespace simt::check
