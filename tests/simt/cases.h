// Tests of the layer itself. Kernel files hold kernels with the plain loops that they are compared with; the
// test program runs each case in every build and order.
#pragma once

#include <sstream>
#include <string>
#include <vector>

namespace kones::simt_tests {

struct Case {
  const char* name;
  std::string (*run)();  ///< "" if the kernel did what the loop did, else what differed
};

std::vector<Case> atomics_cases();
std::vector<Case> half_cases();
std::vector<Case> matrix_cases();
std::vector<Case> memory_cases();
std::vector<Case> warp_cases();
/// Those of instructions that devices below 8.0 have not.
std::vector<Case> half_80_cases();
std::vector<Case> matrix_80_cases();
std::vector<Case> warp_80_cases();

/// "" if both are equal, else the first place where they differ.
template <typename T>
std::string difference(const std::vector<T>& got, const std::vector<T>& expected) {
  std::ostringstream text;
  if (got.size() != expected.size()) {
    text << got.size() << " elements instead of " << expected.size();
    return text.str();
  }
  for (size_t i = 0; i < got.size(); ++i) {
    if (got[i] == expected[i]) continue;
    text << "element " << i << " is " << +got[i] << " instead of " << +expected[i];
    return text.str();
  }
  return "";
}

/// A number that looks random, of its place.
inline unsigned scrambled(unsigned place) {
  unsigned x = (place + 1u) * 0x9E3779B9u;
  x ^= x >> 15;
  x *= 0x85EBCA6Bu;
  x ^= x >> 13;
  return x;
}

}  // namespace kones::simt_tests
