// The innermost loop of convolutions of signs alone, with its operands in the first-level cache: products of
// signs a cycle, and the share of what the vector units allow, if each 512 products take an xor, a count and
// an addition. Cycles and the units' rate are measured in the same process. usage: xnor_tile_benchmark; it is
// built for AVX-512 with VPOPCNTDQ.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "kones/kernels/cpu_tier.h"
#include "kones/kernels/tiers/count_bits.h"

namespace kones::kernels {
namespace {

/// Seconds of the shortest of many calls.
template <typename Function>
double shortest(const Function& function) {
  using Clock = std::chrono::steady_clock;
  double seconds = 1e9;
  for (int i = 0; i < 500; ++i) {
    const Clock::time_point start = Clock::now();
    function();
    seconds = std::min(seconds, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return seconds;
}

/// Cycles a second, by additions that wait for one another.
double clock_rate() {
  constexpr int64_t additions = 200'000;
  return additions / shortest([] {
           uint64_t x = 0;
           for (int64_t i = 0; i < additions / 4; ++i)
             asm volatile("add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0" : "+r"(x));
         });
}

/// Additions of 512 bits a second, each of which waits only for itself.
double vector_rate() {
  constexpr int64_t rounds = 20'000;
  return 8 * rounds / shortest([] {
           __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
           for (int64_t i = 0; i < rounds; ++i) {
             asm volatile(
                 "vpaddd %0, %0, %0\n\tvpaddd %1, %1, %1\n\tvpaddd %2, %2, %2\n\tvpaddd %3, %3, %3\n\t"
                 "vpaddd %4, %4, %4\n\tvpaddd %5, %5, %5\n\tvpaddd %6, %6, %6\n\tvpaddd %7, %7, %7"
                 : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h));
           }
         });
}

template <int Pixels>
void measure(int64_t words, double cycles_per_second, double additions_per_second) {
  constexpr int64_t tiles = 50;
  std::mt19937_64 random(1);
  std::vector<uint64_t> activations(Pixels * words);
  std::vector<uint32_t> weights(2 * words * xnor_panel);
  std::vector<int64_t> offsets(words);
  for (uint64_t& word : activations) word = random();
  for (uint32_t& half : weights) half = static_cast<uint32_t>(random());
  for (int64_t k = 0; k < words; ++k) offsets[k] = k;
  const double seconds = shortest([&] {
    PanelIntegers sums = {};
    for (int64_t tile = 0; tile < tiles; ++tile) {
      PanelIntegers counts[Pixels];
      count_tile<Pixels>(activations.data(), words, offsets.data(), words, weights.data(), counts);
      for (int p = 0; p < Pixels; ++p) sums += counts[p];
      asm volatile("" ::"m"(sums) : "memory");
    }
  });
  const double products = static_cast<double>(tiles * Pixels * xnor_panel * 64 * words);
  std::printf("| %d | %lld | %.0f | %.0f %% |\n", Pixels, static_cast<long long>(words),
              products / seconds / cycles_per_second,
              100.0 * products / seconds / (512.0 * additions_per_second / 3.0));
}

}  // namespace
}  // namespace kones::kernels

int main() {
  using namespace kones::kernels;
  if (available_cpu_tiers().back() < CpuTier::avx512_vpopcntdq) {
    std::printf("SKIPPED: this machine has no VPOPCNTDQ\n");
    return 0;
  }
  const double cycles = clock_rate();
  const double additions = vector_rate();
  std::printf("%.2f GHz, %.2f vector operations a cycle\n\n", 1e-9 * cycles, additions / cycles);
  std::printf("| pixels | words of a sum | products a cycle | of the bound |\n|---:|---:|---:|---:|\n");
  for (const int64_t words : {9, 18, 36, 72}) {
    measure<7>(words, cycles, additions);
    measure<14>(words, cycles, additions);
  }
  return 0;
}
