// The elementwise quantizers on the CPU against what LibTorch's own operators make of the same rounding, and
// against a plain copy. Prints Markdown tables. usage: quantizers_benchmark [THREADS]; KONES_CPU_TIER chooses
// the tier.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "benchmarks/interleaved.h"
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include "kones/kernels/cpu_tier.h"
#include "kones/torch/ops/k_ones.h"
#include "kones/torch/ops/power_of_two.h"
#include "kones/torch/ops/quantize.h"

namespace {

using kones::benchmarks::Ratio;
using kones::benchmarks::Timing;
using Thing = std::pair<std::string, std::function<void()>>;

constexpr int64_t cache_elements = 1 << 15;
constexpr int64_t memory_elements = 1 << 25;

// LibTorch's ways to stochastic powers of two, with exponents -7 .. 0 and no zero: LightNN-1. In each the
// operations are as few as they can be, and temporaries are reused where LibTorch allows it.

/// Adds random bits below the exponent, and cuts them off: the magnitude is rounded, and around zero nothing
/// is.
at::Tensor randint_and_add(const at::Tensor& x) {
  at::Tensor bits = at::randint(1 << 23, x.sizes(), at::kInt);
  bits.add_(x.view(at::kInt)).bitwise_and_(static_cast<int32_t>(0xFF800000u));
  return bits.view(at::kFloat).clamp_(-1.0, 1.0);
}

/// Takes the power below by way of logarithms, and the next one with probability |x| / power - 1.
at::Tensor rand_with_logarithms(const at::Tensor& x) {
  const at::Tensor magnitude = x.abs().clamp_(0x1p-7, 1.0);
  const at::Tensor lower = magnitude.log2().floor_().exp2_();
  const at::Tensor up = at::rand_like(x).lt(magnitude / lower - 1);
  return at::where(up, lower * 2, lower).clamp_max_(1.0).copysign_(x);
}

/// Looks both neighbours up in the sorted levels.
at::Tensor rand_with_bucketize(const at::Tensor& x, const at::Tensor& levels) {
  const at::Tensor clamped = x.clamp(-1.0, 1.0);
  const at::Tensor above = at::bucketize(clamped, levels, false, true).clamp_(1, levels.numel() - 1);
  const at::Tensor upper = levels.index({above});
  const at::Tensor lower = levels.index({above - 1});
  const at::Tensor up = at::rand_like(x).lt((clamped - lower) / (upper - lower));
  return at::where(up, upper, lower);
}

at::Tensor lightnn_1_levels() {
  const at::Tensor powers = at::exp2(at::arange(-7, 1, at::kFloat));
  return at::cat({-powers.flip(0), powers});
}

void compare_in_cache() {
  const at::Tensor x = at::randn({cache_elements}) * 0.4;
  const at::Tensor levels = lightnn_1_levels();
  const std::vector<Thing> things = {
      {"k_ones(1), stochastic", [&] { kones::k_ones(x, 1, 7, "stochastic", 1, 2); }},
      {"power_of_two(-7, 0), stochastic", [&] { kones::power_of_two(x, -7, 0, false, "stochastic", 1, 2); }},
      {"k_ones(2), stochastic", [&] { kones::k_ones(x, 2, 7, "stochastic", 1, 2); }},
      {"randint and add", [&] { randint_and_add(x); }},
      {"rand_like, log2 and exp2", [&] { rand_with_logarithms(x); }},
      {"rand_like and bucketize", [&] { rand_with_bucketize(x, levels); }}};
  std::vector<std::function<void()>> runs;
  for (const Thing& thing : things) runs.push_back(thing.second);
  const std::vector<Timing> timings = kones::benchmarks::interleave(runs, 7, 60, 2e-4);
  std::printf("\n%lld elements of float32, in cache\n\n", static_cast<long long>(cache_elements));
  std::printf(
      "| | us | k_ones(1) is faster, times (median, range) | power_of_two is faster, times "
      "|\n|---|---:|---:|---:|\n");
  for (std::size_t i = 0; i < things.size(); ++i) {
    const Ratio to_k_ones = kones::benchmarks::ratio(timings[0], timings[i]);
    const Ratio to_power = kones::benchmarks::ratio(timings[1], timings[i]);
    std::printf("| %s | %.2f | %.1f (%.1f .. %.1f) | %.1f (%.1f .. %.1f) |\n", things[i].first.c_str(),
                1e6 * timings[i].seconds, to_k_ones.median, to_k_ones.least, to_k_ones.most, to_power.median,
                to_power.least, to_power.most);
  }
}

/// Every quantizer into a tensor that is there, against a copy into it: GB/s read and written.
void compare_with_copy(at::ScalarType type) {
  using kones::NumberFormat;
  using kones::Rounding;
  const at::Tensor x = (at::randn({memory_elements}) * 0.4).to(type);
  at::Tensor y = at::zeros_like(x);
  std::vector<Thing> things = {{"copy", [&] { y.copy_(x); }}};
  for (const NumberFormat& format :
       {NumberFormat::k_ones(1), NumberFormat::k_ones(2), NumberFormat::power_of_two(-7, 0, true),
        NumberFormat::fixed_point(2, 6), NumberFormat::binary()}) {
    for (const Rounding rounding : format.roundings()) {
      if (format.family == kones::FormatFamily::binary && rounding == Rounding::truncate) continue;
      const kones::kernels::Quantization quantization = {format, rounding, {1, 2}};
      things.emplace_back(format.name() + ", " + std::string(kones::rounding_name(rounding)),
                          [&x, &y, quantization] { kones::ops::quantize_into_cpu(x, y, quantization); });
    }
  }
  std::vector<std::function<void()>> runs;
  for (const Thing& thing : things) runs.push_back(thing.second);
  const std::vector<Timing> timings = kones::benchmarks::interleave(runs, 7, 12, 1e-4);
  std::printf("\n%lld elements of %s, from memory\n\n", static_cast<long long>(memory_elements),
              toString(type));
  std::printf("| | ms | GB/s | of the copy's speed (median, range) |\n|---|---:|---:|---:|\n");
  for (std::size_t i = 0; i < things.size(); ++i) {
    const Ratio of_copy = kones::benchmarks::ratio(timings[i], timings[0]);
    const double bytes = 2.0 * static_cast<double>(memory_elements) * static_cast<double>(x.element_size());
    std::printf("| %s | %.2f | %.1f | %.2f (%.2f .. %.2f) |\n", things[i].first.c_str(),
                1e3 * timings[i].seconds, bytes / timings[i].seconds / 1e9, of_copy.median, of_copy.least,
                of_copy.most);
  }
}

/// What a mask costs: forward with and without, and backward from the bits, from the operand, and by
/// LibTorch's where.
void compare_gradients(int64_t elements) {
  const at::Tensor x = at::randn({elements});
  const at::Tensor g = at::randn({elements});
  const kones::kernels::Quantization binary = {kones::NumberFormat::binary(), kones::Rounding::nearest, {}};
  const kones::kernels::Quantization stochastic = {
      kones::NumberFormat::binary(), kones::Rounding::stochastic, {1, 2}};
  const at::Tensor mask = std::get<1>(kones::ops::quantize_masked_cpu(x, binary));
  const std::vector<Thing> things = {
      {"forward, nearest", [&] { kones::ops::quantize_cpu(x, binary); }},
      {"forward with mask, nearest", [&] { kones::ops::quantize_masked_cpu(x, binary); }},
      {"forward, stochastic", [&] { kones::ops::quantize_cpu(x, stochastic); }},
      {"forward with mask, stochastic", [&] { kones::ops::quantize_masked_cpu(x, stochastic); }},
      {"backward from the mask", [&] { kones::ops::apply_mask_cpu(g, mask); }},
      {"backward from the operand", [&] { kones::ops::range_gradient_cpu(g, x, -1.0, 1.0); }},
      {"LibTorch: where(|x| <= 1, g, 0)", [&] { at::where(x.abs() <= 1, g, 0); }}};
  std::vector<std::function<void()>> runs;
  for (const Thing& thing : things) runs.push_back(thing.second);
  const bool in_cache = elements <= cache_elements;
  const std::vector<Timing> timings =
      kones::benchmarks::interleave(runs, 5, in_cache ? 60 : 4, in_cache ? 2e-4 : 1e-4);
  std::printf("\nbinarize and its gradient, %lld elements of float32\n\n", static_cast<long long>(elements));
  std::printf("| | us | against forward, nearest (median, range) |\n|---|---:|---:|\n");
  for (std::size_t i = 0; i < things.size(); ++i) {
    const Ratio times = kones::benchmarks::ratio(timings[0], timings[i]);
    std::printf("| %s | %.2f | %.2f (%.2f .. %.2f) |\n", things[i].first.c_str(), 1e6 * timings[i].seconds,
                times.median, times.least, times.most);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  if (threads < 1 || argc > 2) {
    std::fprintf(stderr, "usage: %s [THREADS]\n", argv[0]);
    return 2;
  }
  at::set_num_threads(threads);
  at::manual_seed(1);
  const c10::InferenceMode inference;
  std::printf("tier %s, %d thread(s)\n",
              std::string(kones::kernels::cpu_tier_name(kones::kernels::cpu_tier())).c_str(), threads);
  compare_in_cache();
  compare_gradients(cache_elements);
  compare_gradients(memory_elements);
  compare_with_copy(at::kFloat);
  compare_with_copy(at::kBFloat16);
  return 0;
}
