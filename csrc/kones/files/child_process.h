// Programs run as children.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kones {

struct ChildResult {
  int status = 0;      ///< exit status; 128 + the signal's number where one ended it
  std::string errors;  ///< what it wrote to standard error, its first 64 KiB
};

/// Runs `program` with `arguments`, without a shell, and waits for it. Its standard input is empty and its
/// standard output is this process's. Throws Error where it cannot be started.
ChildResult run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments);

/// The folder of the program that is running. Throws Error.
std::filesystem::path folder_of_this_program();

}  // namespace kones
