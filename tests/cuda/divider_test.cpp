#include "kones/cuda/divider.h"

#include <initializer_list>

#include <gtest/gtest.h>

namespace kones::cuda {
namespace {

/// Seen to fail on: a multiplier rounded down, a shift of one less.
TEST(CudaDivider, DividesAroundMultiples) {
  constexpr int64_t limit = int64_t{1} << 31;
  const auto check = [](int64_t n, int64_t by) {
    if (n < 0 || n >= limit) return;
    EXPECT_EQ(divide(static_cast<uint32_t>(n), Divider(by)), n / by) << n << " / " << by;
  };
  std::initializer_list<int64_t> large = {65535,     65537,     641,       6700417,
                                          limit / 3, limit / 2, limit - 2, limit - 1};
  const auto check_divisor = [&](int64_t by) {
    for (const int64_t multiple :
         {int64_t{0}, by, 7 * by, (limit - 1) / by / 2 * by, (limit - 1) / by * by, limit})
      for (int64_t offset = -2; offset <= 2; ++offset) check(multiple + offset, by);
  };
  for (int64_t by = 1; by < 3000; ++by) check_divisor(by);
  for (const int64_t by : large) check_divisor(by);
}

}  // namespace
}  // namespace kones::cuda
