#include "kones/numeric/rounding.h"

#include <string>

#include <gtest/gtest.h>

namespace kones {
namespace {

constexpr Rounding roundings[] = {Rounding::nearest, Rounding::stochastic, Rounding::truncate};

// Seen to fail on: two names swapped.
TEST(Rounding, EveryNameAndBack) {
  EXPECT_EQ(rounding_name(Rounding::nearest), "nearest");
  EXPECT_EQ(rounding_name(Rounding::stochastic), "stochastic");
  EXPECT_EQ(rounding_name(Rounding::truncate), "truncate");
  for (const Rounding rounding : roundings) {
    EXPECT_EQ(rounding_from_name(rounding_name(rounding)), rounding) << rounding_name(rounding);
  }
}

TEST(Rounding, OtherNamesAreNone) {
  for (const char* name :
       {"", "Nearest", "near", "nearest ", "truncated", "floor", "nearest, stochastic, truncate"}) {
    EXPECT_EQ(rounding_from_name(name), std::nullopt) << '"' << name << '"';
  }
}

// The list in error messages names what is taken, all of it and nothing else. Seen to fail on: a name left
// out.
TEST(Rounding, TheListHoldsEveryName) {
  std::string list;
  for (const Rounding rounding : roundings) {
    list += (list.empty() ? "" : ", ") + std::string(rounding_name(rounding));
  }
  EXPECT_EQ(rounding_names, list);
}

}  // namespace
}  // namespace kones
