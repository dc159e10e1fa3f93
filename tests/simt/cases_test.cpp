#include "simt/cases.h"

#include <gtest/gtest.h>

namespace kones::simt_tests {
namespace {

std::vector<Case> joined(const std::vector<std::vector<Case>>& parts) {
  std::vector<Case> all;
  for (const std::vector<Case>& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

class SimtCase : public testing::TestWithParam<Case> {};

TEST_P(SimtCase, DoesWhatThePlainLoopDoes) {
  EXPECT_EQ(GetParam().run(), "");
}

INSTANTIATE_TEST_SUITE_P(Layer, SimtCase,
                         testing::ValuesIn(joined({atomics_cases(), half_cases(), matrix_cases(),
                                                   memory_cases(), warp_cases()})),
                         name_of);
// tests/ptx leaves these out for older devices.
INSTANTIATE_TEST_SUITE_P(LayerFrom80, SimtCase,
                         testing::ValuesIn(joined({half_80_cases(), matrix_80_cases(), warp_80_cases()})),
                         name_of);

}  // namespace
}  // namespace kones::simt_tests
