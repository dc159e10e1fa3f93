// The running executable's symbol table and line numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace simt {

struct Variable {
  uintptr_t address;  ///< thread-local: offset in the thread's block of such variables
  size_t size;
  std::string symbol;
  std::string name;              ///< for readers: "reverse::tile"
  const void* kernel = nullptr;  ///< the kernel to which it is local, if it is to one
};

/// A kernel as the compiler lists it.
struct Kernel {
  const void* address;
  unsigned launch_bound;  ///< threads of a block; 0: none stated
};

struct Symbols {
  std::vector<Variable> shared;  ///< local to functions and thread-local (sanitizer build: plain), by address
  std::vector<Variable> guards;  ///< the compiler's flags of variables with constructors, by address
  std::vector<Kernel> kernels;
  std::vector<Variable> globals;  ///< writable variables at namespace scope, by address
};

const Symbols& symbols();

/// The symbol of the function at `address`, or "" if there is none.
std::string function_symbol(const void* address);
/// The kernel's __launch_bounds__, or 0.
unsigned launch_bound(const void* kernel);
/// The demangled name without template arguments' types of parameters: "kones::seeded::copy_tail<true>".
std::string function_name(const void* address);

/// The variable that holds all of [address, address + size), or null.
const Variable* variable_at(const std::vector<Variable>& variables, uintptr_t address, size_t size);

/// "file:line" of the instruction before `return_address`, outside the layer's own headers where calls were
/// inlined.
std::string source_line(const void* return_address);

/// The same with the lines of the calls by which functions were inlined there, the innermost first.
std::vector<std::string> source_lines(const void* return_address);

/// The calling OS thread's thread-local variables of the executable.
char* thread_locals();
size_t thread_locals_size();
/// Where the executable is loaded.
char* executable_start();
size_t executable_size();
/// Whether the address is in a part of the executable that may be written.
bool in_writable_image(const void* address);

}  // namespace simt
