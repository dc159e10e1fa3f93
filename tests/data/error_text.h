// What an action that has to fail says.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "kones/error.h"

namespace kones {

/// The text of the kones::Error that `action` throws. A failure of the test if it throws none, throws
/// something else (std::bad_alloc: it trusted a header), or says more than one line.
template <typename Action>
std::string error_text(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    return text;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not a kones::Error: " << error.what();
    return "";
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace kones
