// Where a block's shared memory is. Static variables are found in the executable's symbol table: the
// thread-local variables that are local to a function. In the sanitizer build they are plain variables, which
// host code has too: there only those of the kernel itself count, and one in a device function that it calls
// is not filled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "simt/launch.h"
#include "simt/runtime/symbols.h"

namespace simt {

class SharedMemory {
 public:
  SharedMemory() = default;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();

  /// Makes room for the launch's dynamic shared memory and fills all shared memory with a pattern that is
  /// NaN, -1 and no valid index, since a device promises nothing of its content.
  void start_block(const Launch& launch);

  char* dynamic_start() const { return dynamic_; }
  size_t dynamic_size() const { return dynamic_size_; }
  bool contains(const void* address) const;
  /// The static variable that holds all of [address, address + size), or null.
  const Variable* static_variable(const void* address, size_t size) const;
  const std::vector<const Variable*>& static_variables() const { return statics_; }

 private:
  const void* kernel_ = nullptr;
  std::vector<const Variable*> statics_;
  void* memory_ = nullptr;
  size_t capacity_ = 0;
  char* dynamic_ = nullptr;
  size_t dynamic_size_ = 0;
};

/// Bytes of static shared memory of the kernel itself, without those of the functions that it calls.
size_t static_shared_bytes(const void* kernel);

}  // namespace simt
