#include "simt/cases.h"

#include <gtest/gtest.h>

namespace kones::simt_tests {
namespace {

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& cases : {atomics_cases(), half_cases(), matrix_cases(), memory_cases(), warp_cases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

class SimtCase : public testing::TestWithParam<Case> {};

TEST_P(SimtCase, DoesWhatThePlainLoopDoes) {
  EXPECT_EQ(GetParam().run(), "");
}

INSTANTIATE_TEST_SUITE_P(Layer, SimtCase, testing::ValuesIn(all_cases()),
                         [](const testing::TestParamInfo<Case>& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace kones::simt_tests
