// What a fuzz target asks of the code it calls.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace kones::fuzz {

/// Ends the process, so that the fuzzer keeps the input, where `is_met` is false.
inline void require(bool is_met, const std::string& what) {
  if (is_met) return;
  std::fprintf(stderr, "BROKEN: %s\n", what.c_str());
  std::abort();
}

}  // namespace kones::fuzz
