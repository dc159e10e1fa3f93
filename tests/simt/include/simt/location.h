// A place in a kernel's source, for reports.
#pragma once

#if __cplusplus >= 202002L
#include <source_location>
#else
// What the compiler's builtin gives: GCC asks for the standard library's type, which the library has from
// C++20 on.
namespace std {
struct source_location {
  struct __impl {
    const char* _M_file_name;
    const char* _M_function_name;
    unsigned _M_line;
    unsigned _M_column;
  };
};
}  // namespace std
#endif

namespace simt {

struct Location {
  const char* file = nullptr;
  int line = 0;
  const void* call = nullptr;  ///< differs between two calls on one line
  /// Where a primitive was called, if `file` and `line` are those of the primitive's own header.
  const void* return_address = nullptr;

  /// As a default argument: the place where the function is called.
  static constexpr Location here(const char* file = __builtin_FILE(), int line = __builtin_LINE(),
                                 const void* call = __builtin_source_location()) {
    return {file, line, call, nullptr};
  }

  bool operator==(const Location& other) const { return call == other.call; }
};

}  // namespace simt
