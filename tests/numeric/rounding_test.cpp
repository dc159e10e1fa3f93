#include "kones/numeric/rounding.h"

#include <string>

#include <gtest/gtest.h>

namespace kones {
namespace {

constexpr Rounding roundings[] = {Rounding::nearest, Rounding::stochastic, Rounding::truncate,
                                  Rounding::nearest_log};

// Seen to fail on: two names swapped.
TEST(Rounding, EveryNameAndBack) {
  EXPECT_EQ(rounding_name(Rounding::nearest), "nearest");
  EXPECT_EQ(rounding_name(Rounding::stochastic), "stochastic");
  EXPECT_EQ(rounding_name(Rounding::truncate), "truncate");
  EXPECT_EQ(rounding_name(Rounding::nearest_log), "nearest_log");
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

}  // namespace
}  // namespace kones
