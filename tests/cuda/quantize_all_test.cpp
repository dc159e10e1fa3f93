#include "kones/cuda/quantize_all.h"

#include <memory>

#include "cuda/quantizer_test.h"

#include "kones/kernels/quantize.h"

namespace kones {
namespace {

struct Tensors {
  std::vector<std::unique_ptr<DeviceArray<float>>> x;
  std::vector<std::unique_ptr<DeviceArray<float>>> y;
  std::vector<cuda::TensorToQuantize> table;
  std::vector<std::vector<float>> expected;
};

/// Tensors of the sizes, the odd ones of them at addresses that are not aligned, and each rounded by the CPU
/// kernel.
Tensors make_tensors(const std::vector<int64_t>& counts, const NumberFormat& format, Rounding rounding,
                     uint64_t offset) {
  Tensors tensors;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const int64_t start = i % 2 == 0 ? 0 : 1;
    const auto size = static_cast<std::size_t>(start + counts[i]);
    const std::vector<float> x = quantizer_inputs<float>(start + counts[i]);
    tensors.x.push_back(std::make_unique<DeviceArray<float>>(x));
    tensors.y.push_back(std::make_unique<DeviceArray<float>>(std::vector<float>(size, 77.0f)));
    const uint64_t seed = (uint64_t{1} << 40) + i;
    tensors.table.push_back(
        {tensors.x.back()->data() + start, tensors.y.back()->data() + start, counts[i], seed});
    std::vector<float> y(size, 77.0f);
    kernels::quantize(x.data() + start, y.data() + start, counts[i], {format, rounding, {seed, offset}}, 0);
    tensors.expected.push_back(y);
  }
  return tensors;
}

void expect_rounded(const Tensors& tensors) {
  for (std::size_t i = 0; i < tensors.y.size(); ++i) {
    EXPECT_TRUE(same_bits(tensors.y[i]->to_host(), tensors.expected[i])) << "tensor " << i;
  }
}

/// Meant to catch: the next tensor's first block given to the one before, one seed for all, elements counted
/// from the launch's first.
TEST(CudaQuantizeAll, AgreesForEveryFormat) {
  // Few threads, so that the launches can be replayed on PTX; a tensor of two blocks among them.
  const std::vector<int64_t> counts = {0, 1, 4097, 0, 3};
  for (const NumberFormat& format :
       {NumberFormat::k_ones(1), NumberFormat::k_ones(2), NumberFormat::k_ones(3), NumberFormat::k_ones(4),
        NumberFormat::power_of_two(-6, 0, true), NumberFormat::fixed_point(2, 6), NumberFormat::binary()}) {
    for (const Rounding rounding : format.roundings()) {
      const Tensors tensors = make_tensors(counts, format, rounding, 12345);
      cuda::quantize_all(tensors.table, format, rounding, 12345, nullptr);
      expect_rounded(tensors);
    }
  }
}

TEST(CudaQuantizeAll, AgreesAroundABlocksShare) {
  const std::vector<int64_t> counts = {4095, 4096, 4097, 9000, 1, 20000};
  const Tensors tensors = make_tensors(counts, NumberFormat::k_ones(2), Rounding::stochastic, 1);
  cuda::quantize_all(tensors.table, NumberFormat::k_ones(2), Rounding::stochastic, 1, nullptr);
  expect_rounded(tensors);
}

/// Meant to catch: the tensors after the 64th left out.
TEST(CudaQuantizeAll, MoreTensorsThanALaunchHolds) {
  std::vector<int64_t> counts;
  for (int64_t i = 0; i < 131; ++i) counts.push_back(i % 7 == 0 ? 4100 : i);
  const Tensors tensors = make_tensors(counts, NumberFormat::k_ones(1), Rounding::stochastic, 9);
  cuda::quantize_all(tensors.table, NumberFormat::k_ones(1), Rounding::stochastic, 9, nullptr);
  expect_rounded(tensors);
  cuda::quantize_all({}, NumberFormat::k_ones(1), Rounding::nearest, 0, nullptr);
}

}  // namespace
}  // namespace kones
