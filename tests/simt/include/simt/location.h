// A place in a kernel's source, for reports.
#pragma once

namespace simt {

struct Location {
  const char* file = nullptr;
  int line = 0;
  /// Where a primitive was called, if `file` and `line` are those of the primitive's own header.
  const void* return_address = nullptr;

  /// As a default argument: the place where the function is called.
  static constexpr Location here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line, nullptr};
  }

  bool operator==(const Location& other) const { return file == other.file && line == other.line; }
};

}  // namespace simt
