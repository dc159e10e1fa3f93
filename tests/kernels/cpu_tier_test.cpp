#include "kones/kernels/cpu_tier.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include <gtest/gtest.h>

namespace kones::kernels {
namespace {

TEST(CpuTier, ScalarIsEverywhereAndFirst) {
  const std::vector<CpuTier>& tiers = available_cpu_tiers();
  ASSERT_FALSE(tiers.empty());
  EXPECT_EQ(tiers.front(), CpuTier::scalar);
  EXPECT_TRUE(std::is_sorted(tiers.begin(), tiers.end()));
}

// The environment is read once in a process, so each value has a process of its own.
TEST(CpuTierDeathTest, TheEnvironmentChooses) {
  for (const CpuTier tier : available_cpu_tiers()) {
    const std::string name(cpu_tier_name(tier));
    EXPECT_EXIT(
        {
          setenv("KONES_CPU_TIER", name.c_str(), 1);
          std::exit(cpu_tier() == tier ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
  }
  EXPECT_EXIT(
      {
        unsetenv("KONES_CPU_TIER");
        CpuTier expected = available_cpu_tiers().back();
        if (expected == CpuTier::amx_int8) expected = CpuTier::avx512_vpopcntdq;
        std::exit(cpu_tier() == expected ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(CpuTierDeathTest, OtherNamesAreRefusedEachTime) {
  EXPECT_EXIT(
      {
        setenv("KONES_CPU_TIER", "sse9", 1);
        for (int call = 0; call < 2; ++call) {
          try {
            cpu_tier();
            std::exit(1);
          } catch (const std::invalid_argument& error) {
            if (call == 1) std::fprintf(stderr, "%s", error.what());
          }
        }
        std::exit(0);
      },
      testing::ExitedWithCode(0), "KONES_CPU_TIER is \"sse9\"; this machine has scalar");
}

}  // namespace
}  // namespace kones::kernels
