#include "cuda/elementwise_cases.h"
#include "cuda/quantizer_test.h"

namespace kones {
namespace {

/// A tensor of more than 65535 blocks wraps around the grid; here the grid is small instead of the tensor
/// large. Seen to fail on: a stride of one block (a race in the check build), a stride of the grid without
/// its blocks, and `if` for the loop.
TEST(CudaMapElements, ThreadsGoRoundTheGrid) {
  const RandomStream stream{3, 4};
  for (const int64_t count : {1, 5000, 5001, 5002, 5003}) {
    const std::vector<float> x = [&] {
      std::vector<float> values(static_cast<size_t>(count));
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
      return values;
    }();
    const DeviceArray<float> from(x);
    DeviceArray<float> to(x.size());
    add_uniform_in_few_blocks(from.data(), to.data(), count, stream, 3, 64);
    std::vector<float> expected(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      expected[i] = x[i] + 0.5f * uniform_from_word(philox_block(stream, i / 4).word[i % 4]);
    }
    EXPECT_TRUE(same_bits(to.to_host(), expected)) << count << " elements";
  }
}

}  // namespace
}  // namespace kones
