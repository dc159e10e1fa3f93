// The elementwise quantizers as operators: the kernels' results whatever the layout and the thread
// count, and arguments that are refused. That the kernels' results are right is tested with the kernels.
#include <filesystem>
#include <functional>
#include <iterator>

#include "torch/ops/layouts.h"
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "kones/kernels/quantize.h"
#include "kones/torch/ops/binarize.h"
#include "kones/torch/ops/fixed_point.h"
#include "kones/torch/ops/k_ones.h"
#include "kones/torch/ops/power_of_two.h"
#include "kones/torch/ops/ternarize.h"

namespace kones {
namespace {

constexpr Rounding roundings[] = {Rounding::nearest, Rounding::stochastic, Rounding::truncate};

// An operator with its arguments, and the kernel with the same.
struct KOnes {
  int terms;
  int max_shift;
  Rounding rounding;
  RandomStream stream;

  at::Tensor operator()(const at::Tensor& x) const {
    return k_ones(x, terms, max_shift, rounding_name(rounding), static_cast<int64_t>(stream.seed),
                  static_cast<int64_t>(stream.offset));
  }
  template <typename T>
  void kernel(std::vector<T>& values) const {
    kernels::quantize(values.data(), values.data(), static_cast<int64_t>(values.size()),
                      {NumberFormat::k_ones(terms, max_shift), rounding, stream}, 0);
  }
};

struct PowerOfTwo {
  int min_exponent;
  int max_exponent;
  bool zero;
  Rounding rounding;
  RandomStream stream;

  at::Tensor operator()(const at::Tensor& x) const {
    return power_of_two(x, min_exponent, max_exponent, zero, rounding_name(rounding),
                        static_cast<int64_t>(stream.seed), static_cast<int64_t>(stream.offset));
  }
  template <typename T>
  void kernel(std::vector<T>& values) const {
    kernels::quantize(values.data(), values.data(), static_cast<int64_t>(values.size()),
                      {NumberFormat::power_of_two(min_exponent, max_exponent, zero), rounding, stream}, 0);
  }
};

struct FixedPoint {
  int integer_bits;
  int fraction_bits;
  bool is_signed;
  Rounding rounding;
  RandomStream stream;

  at::Tensor operator()(const at::Tensor& x) const {
    return fixed_point(x, integer_bits, fraction_bits, is_signed, rounding_name(rounding),
                       static_cast<int64_t>(stream.seed), static_cast<int64_t>(stream.offset));
  }
  template <typename T>
  void kernel(std::vector<T>& values) const {
    kernels::quantize(values.data(), values.data(), static_cast<int64_t>(values.size()),
                      {NumberFormat::fixed_point(integer_bits, fraction_bits, is_signed), rounding, stream},
                      0);
  }
};

struct Ternarize {
  TernaryScales scales;

  at::Tensor operator()(const at::Tensor& x) const {
    return ternarize(x, scales.threshold, scales.positive, scales.negative);
  }
  template <typename T>
  void kernel(std::vector<T>& values) const {
    kernels::ternarize(values.data(), values.data(), static_cast<int64_t>(values.size()), scales);
  }
};

struct Binarize {
  Rounding rounding;
  RandomStream stream;

  at::Tensor operator()(const at::Tensor& x) const {
    return binarize(x, rounding_name(rounding), static_cast<int64_t>(stream.seed),
                    static_cast<int64_t>(stream.offset));
  }
  template <typename T>
  void kernel(std::vector<T>& values) const {
    kernels::quantize(values.data(), values.data(), static_cast<int64_t>(values.size()),
                      {NumberFormat::binary(), rounding, stream}, 0);
  }
};

template <typename Function>
void for_every_operator(Function function) {
  const RandomStream stream = {0x0123456789ABCDEF, 77};
  for (const Rounding rounding : roundings) {
    SCOPED_TRACE(rounding_name(rounding));
    for (const auto& [terms, max_shift] : {std::pair{1, 7}, {2, 7}, {3, 0}, {4, 15}}) {
      SCOPED_TRACE("k_ones, k = " + std::to_string(terms) + ", max_shift = " + std::to_string(max_shift));
      function(KOnes{terms, max_shift, rounding, stream});
    }
    {
      SCOPED_TRACE("power_of_two");
      function(PowerOfTwo{-6, 1, false, rounding, stream});
      function(PowerOfTwo{-6, 1, true, rounding, stream});
    }
    {
      SCOPED_TRACE("fixed_point");
      function(FixedPoint{2, 6, true, rounding, stream});
      function(FixedPoint{1, 5, false, rounding, stream});
    }
    SCOPED_TRACE("binarize");
    function(Binarize{rounding, stream});
  }
  function(PowerOfTwo{-6, 1, true, Rounding::nearest_log, stream});
  function(Ternarize{{0.5f, 1.5f, 0.75f}});
}

// What the kernel makes of the elements of x, taken in row-major logical order.
template <typename T, typename Operator>
std::vector<uint32_t> kernel_bits(const Operator& op, const at::Tensor& x) {
  std::vector<T> values = elements_of<T>(x);
  op.kernel(values);
  return bits_of(values);
}

template <typename T>
class Elementwise : public testing::Test {};

using StorageTypes = testing::Types<float, Float16, BFloat16>;
TYPED_TEST_SUITE(Elementwise, StorageTypes);

// Seen to fail on: random numbers counted in memory order (channels last, permuted), a flat pass over the
// memory of tensors with gaps, a result that is contiguous whatever the operand, bfloat16 taken for float16,
// a result written over the operand.
TYPED_TEST(Elementwise, EveryLayoutGivesTheKernelsBitsAndKeepsIt) {
  for (const Layout& layout : layouts(scalar_type_of<TypeParam>)) {
    SCOPED_TRACE(layout.name);
    const at::Tensor& x = layout.x;
    const std::vector<uint32_t> x_bits = bits_of(elements_of<TypeParam>(x));
    for_every_operator([&](const auto& op) {
      const at::Tensor y = op(x);
      EXPECT_EQ(y.scalar_type(), x.scalar_type());
      EXPECT_EQ(y.sizes(), x.sizes());
      EXPECT_EQ(y.strides(), at::empty_like(x).strides());
      EXPECT_EQ(bits_of(elements_of<TypeParam>(y)), kernel_bits<TypeParam>(op, x));
      EXPECT_EQ(bits_of(elements_of<TypeParam>(x)), x_bits);
    });
  }
}

TEST(Elementwise, ChannelsLastAndTransposedStaySo) {
  const at::Tensor channels_last =
      test_values(2 * 3 * 5 * 7, at::kFloat).view({2, 3, 5, 7}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor transposed = test_values(12, at::kFloat).view({3, 4}).t();
  for_every_operator([&](const auto& op) {
    EXPECT_TRUE(op(channels_last).is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_EQ(op(transposed).strides(), (at::IntArrayRef{1, 4}));
  });
}

// 100,003 elements are several threads' work and end inside a block of four random numbers.
// Seen to fail on: each thread counting its random numbers from 0; from 1 beyond its first element.
TYPED_TEST(Elementwise, AnyThreadCountGivesTheSameBits) {
  const int threads_before = at::get_num_threads();
  const at::Tensor x = test_values(100003, scalar_type_of<TypeParam>);
  const at::Tensor transposed = test_values(301 * 333, scalar_type_of<TypeParam>).view({301, 333}).t();
  for_every_operator([&](const auto& op) {
    const std::vector<uint32_t> expected = kernel_bits<TypeParam>(op, x);
    const std::vector<uint32_t> expected_transposed = kernel_bits<TypeParam>(op, transposed);
    for (int threads = 1; threads <= 8; ++threads) {
      SCOPED_TRACE(threads);
      at::set_num_threads(threads);
      EXPECT_TRUE(bits_of(elements_of<TypeParam>(op(x))) == expected);
      EXPECT_TRUE(bits_of(elements_of<TypeParam>(op(transposed))) == expected_transposed);
    }
  });
  at::set_num_threads(threads_before);
}

// The threads of the process are counted, because nothing else tells: a library built without OpenMP has the
// same results. Seen to fail on: that.
TEST(Elementwise, WorkIsSharedAmongThreads) {
  const auto threads_of_this_process = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  const int threads_before = at::get_num_threads();
  const std::pair<int, std::function<void(const at::Tensor&)>> operators[] = {
      {21, [](const at::Tensor& x) { k_ones(x, 1); }}, {31, [](const at::Tensor& x) { binarize(x); }}};
  for (const auto& [threads, op] : operators) {
    const at::Tensor x = at::zeros({32 * at::internal::GRAIN_SIZE});
    ASSERT_LT(threads_of_this_process(), threads);
    at::set_num_threads(threads);
    op(x);
    EXPECT_GE(threads_of_this_process(), threads);
    at::set_num_threads(threads_before);
  }
}

// Seen to fail on: seed and offset exchanged; only their low 32 bits used; the absolute value of a negative
// one.
TEST(Elementwise, SeedAndOffsetAreTwosComplement) {
  const at::Tensor x = test_values(4096, at::kFloat);
  constexpr int64_t lowest = std::numeric_limits<int64_t>::min();
  const std::pair<int64_t, int64_t> streams[] = {{-1, 0}, {0, -1}, {lowest, -2},
                                                 {1, 0},  {0, 1},  {int64_t{1} << 32, 0}};
  std::vector<std::vector<uint32_t>> seen;
  for (const auto& [seed, offset] : streams) {
    SCOPED_TRACE(std::to_string(seed) + ", " + std::to_string(offset));
    const RandomStream stream = {
        seed < 0 ? ~uint64_t{0} - static_cast<uint64_t>(-(seed + 1)) : uint64_t(seed),
        offset < 0 ? ~uint64_t{0} - static_cast<uint64_t>(-(offset + 1)) : uint64_t(offset)};
    const std::vector<uint32_t> y = bits_of(elements_of<float>(k_ones(x, 1, 7, "stochastic", seed, offset)));
    EXPECT_EQ(y, kernel_bits<float>(KOnes{1, 7, Rounding::stochastic, stream}, x));
    EXPECT_EQ(bits_of(elements_of<float>(binarize(x, "stochastic", seed, offset))),
              kernel_bits<float>(Binarize{Rounding::stochastic, stream}, x));
    for (const auto& other : seen) EXPECT_NE(y, other);
    seen.push_back(y);
  }
}

TEST(Elementwise, DefaultsAreNearestShift7AndStreamZero) {
  const at::Tensor x = test_values(1000, at::kFloat);
  EXPECT_EQ(bits_of(elements_of<float>(k_ones(x, 2))),
            kernel_bits<float>(KOnes{2, 7, Rounding::nearest, {}}, x));
  EXPECT_EQ(bits_of(elements_of<float>(binarize(x))), kernel_bits<float>(Binarize{Rounding::nearest, {}}, x));
  EXPECT_EQ(bits_of(elements_of<float>(k_ones(x, 2, 7, "stochastic"))),
            kernel_bits<float>(KOnes{2, 7, Rounding::stochastic, {0, 0}}, x));
}

// The Meta kernels do no work: tensors that fit no memory have a result at once.
// Seen to fail on: a Meta result that is contiguous whatever the operand.
TYPED_TEST(Elementwise, MetaTensorsGiveTheResultsShapeAndStrides) {
  for (const Layout& layout : layouts(scalar_type_of<TypeParam>)) {
    SCOPED_TRACE(layout.name);
    const at::Tensor x = layout.x.to(at::kMeta).as_strided(layout.x.sizes(), layout.x.strides());
    for_every_operator([&](const auto& op) {
      const at::Tensor y = op(x);
      const at::Tensor on_cpu = op(layout.x);
      EXPECT_TRUE(y.is_meta());
      EXPECT_EQ(y.scalar_type(), on_cpu.scalar_type());
      EXPECT_EQ(y.sizes(), on_cpu.sizes());
      EXPECT_EQ(y.strides(), on_cpu.strides());
    });
  }
  const at::Tensor huge =
      at::empty({1 << 20, 1 << 20}, at::device(at::kMeta).dtype(scalar_type_of<TypeParam>));
  EXPECT_EQ(k_ones(huge.t(), 1).strides(), (at::IntArrayRef{1, 1 << 20}));
  EXPECT_EQ(binarize(huge).numel(), int64_t{1} << 40);
}

// The text of the c10::Error that `action` throws.
template <typename Action>
std::string error_text(Action action) {
  try {
    action();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  ADD_FAILURE() << "no error";
  return "";
}

// A message names the operator, the argument, what it got and what it takes, on every device.
// Seen to fail on: a bound that is off by one at either end, an operand that the Meta kernel does not check.
TEST(Elementwise, RefusedArgumentsAreNamed) {
  for (const at::Device device : {at::kCPU, at::kMeta}) {
    SCOPED_TRACE(device.str());
    const at::Tensor x = at::zeros({2, 3}, device);
    for (const int64_t k : {int64_t{0}, int64_t{5}, int64_t{-1}, (int64_t{1} << 32) + 1}) {
      EXPECT_EQ(error_text([&] { k_ones(x, k); }),
                "kones::k_ones: k is " + std::to_string(k) + "; it takes 1 to 4");
    }
    for (const int64_t shift : {int64_t{-1}, int64_t{16}, int64_t{1} << 32}) {
      EXPECT_EQ(error_text([&] { k_ones(x, 1, shift); }),
                "kones::k_ones: max_shift is " + std::to_string(shift) + "; it takes 0 to 15");
    }
    for (const int64_t k : {1, 4}) {
      for (const int64_t shift : {0, 15}) EXPECT_EQ(k_ones(x, k, shift).sizes(), x.sizes());
    }
    for (const std::string rounding : {"", "Nearest", "nearest ", "floor"}) {
      const std::string rest =
          ": rounding is \"" + rounding + "\"; it takes one of nearest, stochastic, truncate";
      EXPECT_EQ(error_text([&] { k_ones(x, 1, 7, rounding); }), "kones::k_ones" + rest);
      EXPECT_EQ(error_text([&] { binarize(x, rounding); }), "kones::binarize" + rest);
    }
    for (const at::ScalarType type : {at::kDouble, at::kInt, at::kLong, at::kByte, at::kBool,
                                      at::kComplexFloat, at::kComplexHalf, at::kFloat8_e4m3fn}) {
      const at::Tensor other = at::empty({2, 3}, at::device(device).dtype(type));
      const std::string rest =
          std::string(": x is ") + toString(type) + "; it takes float32, float16 or bfloat16";
      EXPECT_EQ(error_text([&] { k_ones(other, 1); }), "kones::k_ones" + rest);
      EXPECT_EQ(error_text([&] { binarize(other); }), "kones::binarize" + rest);
      EXPECT_EQ(error_text([&] { binarize(other.slice(0, 0, 0)); }), "kones::binarize" + rest);
      EXPECT_EQ(error_text([&] { power_of_two(other, -1, 0); }), "kones::power_of_two" + rest);
      EXPECT_EQ(error_text([&] { fixed_point(other, 2, 2); }), "kones::fixed_point" + rest);
      EXPECT_EQ(error_text([&] { ternarize(other, 0.5); }), "kones::ternarize" + rest);
    }
    EXPECT_EQ(error_text([&] { power_of_two(x, 1, 0); }),
              "kones::power_of_two: min_exponent is 1; it takes at most max_exponent, 0");
    EXPECT_EQ(error_text([&] { power_of_two(x, -127, 0); }),
              "kones::power_of_two: min_exponent is -127; it takes -126 to 126");
    EXPECT_EQ(error_text([&] { power_of_two(x, 0, 127); }),
              "kones::power_of_two: max_exponent is 127; it takes -126 to 126");
    EXPECT_EQ(error_text([&] { power_of_two(x, 0, 0, false, "up"); }),
              "kones::power_of_two: rounding is \"up\"; it takes one of nearest, stochastic, truncate, "
              "nearest_log");
    EXPECT_EQ(error_text([&] { fixed_point(x, 20, 5); }),
              "kones::fixed_point: integer_bits + fraction_bits is 25; it takes 1 to 24");
    EXPECT_EQ(error_text([&] { fixed_point(x, 3, -3); }),
              "kones::fixed_point: integer_bits + fraction_bits is 0; it takes 1 to 24");
    EXPECT_EQ(error_text([&] { fixed_point(x, 127, -120); }),
              "kones::fixed_point: integer_bits is 127; it takes -126 to 126");
    EXPECT_EQ(
        error_text([&] { fixed_point(x, 2, 2, true, "nearest_log"); }),
        "kones::fixed_point: rounding is \"nearest_log\"; it takes one of nearest, stochastic, truncate");
    EXPECT_EQ(error_text([&] { ternarize(x, -0.5); }),
              "kones::ternarize: threshold is -0.5; it takes 0 or more");
    EXPECT_EQ(error_text([&] { ternarize(x, std::nan("")); }),
              "kones::ternarize: threshold is nan; it takes a finite float32");
    EXPECT_EQ(error_text([&] { ternarize(x, 0.5, 1e39); }),
              "kones::ternarize: positive is 1e+39; it takes a finite float32");
    const at::Tensor with_gradient = at::zeros({2}, at::device(device).dtype(at::kDouble)).requires_grad_();
    EXPECT_EQ(error_text([&] { binarize(with_gradient); }),
              "kones::binarize: x is Double; it takes float32, float16 or bfloat16");
  }
}

}  // namespace
}  // namespace kones
