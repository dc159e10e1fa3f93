// The error of work that cannot be done: a bad file, bad data, a bad request. Programs show its text as it
// stands, on one line, so it says what was wrong, where, and what to do about it.
#pragma once

#include <stdexcept>

namespace kones {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A request that names what does not exist, such as an unknown model: programs exit with the status for
/// wrong usage.
class UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace kones
