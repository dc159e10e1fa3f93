// Records launches for the interpreter of nvcc's PTX (tests/ptx): parameters, and all device memory before
// and after.
#pragma once

#include <string>
#include <vector>

#include "simt/launch.h"
#include "simt/runtime/device_memory.h"

namespace simt {

/// Writes <number>.json and its memory files into options().record, if that is set and the launch is small
/// enough.
class Recording {
 public:
  explicit Recording(const Launch& launch);
  /// To be called after the launch.
  void finish();

 private:
  std::string memory_file(size_t allocation, const char* when) const;

  const Launch* launch_ = nullptr;
  int number_ = 0;
  std::vector<Allocation> memory_;
};

}  // namespace simt
