// Whether LightNN-1 is faster as shifts or as products on a processor with VNNI: the innermost loops alone,
// 16 outputs by 8 pixels in registers, with their operands in the first-level cache. Products: vpdpbusd adds
// up four of a byte and a weight in a lane. Shifts: the activation is shifted and its bits turned where the
// weight is negative (what is missing to -x is 1 a negative weight, a constant of the output), in lanes of 32
// bits or, twice as many, of 16 bits that vpdpwssd adds up. usage: shift_tile_benchmark; it is built for
// AVX-512 VNNI.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include <immintrin.h>

#include "kones/kernels/cpu_tier.h"

namespace {

constexpr int outputs = 16;
constexpr int pixels = 8;
constexpr int inputs = 256;

/// One pixel's bytes, and the weights +-2^s of each input and output, s = 0 .. 6 (7 does not fit a byte).
struct Problem {
  alignas(64) uint8_t x[pixels][inputs];
  alignas(64) int8_t products[inputs / 4][outputs][4];
  alignas(64) int32_t shifts32[inputs][outputs];
  alignas(64) int32_t turns32[inputs][outputs];
  alignas(64) int16_t shifts16[inputs / 2][outputs][2];
  alignas(64) int16_t turns16[inputs / 2][outputs][2];
  alignas(64) int32_t negatives[outputs];

  Problem() {
    std::mt19937 random(1);
    std::fill_n(negatives, outputs, 0);
    for (auto& pixel : x)
      for (uint8_t& byte : pixel) byte = static_cast<uint8_t>(random());
    for (int i = 0; i < inputs; ++i) {
      for (int o = 0; o < outputs; ++o) {
        const int shift = static_cast<int>(random() % 7);
        const bool is_negative = random() % 2 == 1;
        products[i / 4][o][i % 4] = static_cast<int8_t>(is_negative ? -(1 << shift) : 1 << shift);
        shifts32[i][o] = shift;
        turns32[i][o] = is_negative ? -1 : 0;
        shifts16[i / 2][o][i % 2] = static_cast<int16_t>(shift);
        turns16[i / 2][o][i % 2] = static_cast<int16_t>(is_negative ? -1 : 0);
        negatives[o] += is_negative ? 1 : 0;
      }
    }
  }
};

using Sums = __m512i[pixels];

/// `sum`, in a register: GCC 12 keeps it in memory otherwise.
void settle(__m512i& sum) {
  asm("" : "+v"(sum));
}

void multiply(const Problem& problem, Sums& result) {
  Sums sums;
#pragma GCC unroll 8
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (int step = 0; step < inputs / 4; ++step) {
    const __m512i weights = _mm512_load_si512(problem.products[step]);
#pragma GCC unroll 8
    for (int p = 0; p < pixels; ++p) {
      const __m512i x = _mm512_set1_epi32(reinterpret_cast<const int32_t*>(problem.x[p])[step]);
      sums[p] = _mm512_dpbusd_epi32(sums[p], x, weights);
      settle(sums[p]);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < pixels; ++p) result[p] = sums[p];
}

void shift_32_bits(const Problem& problem, Sums& result) {
  Sums sums;
#pragma GCC unroll 8
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (int i = 0; i < inputs; ++i) {
    const __m512i shifts = _mm512_load_si512(problem.shifts32[i]);
    const __m512i turns = _mm512_load_si512(problem.turns32[i]);
#pragma GCC unroll 8
    for (int p = 0; p < pixels; ++p) {
      const __m512i x = _mm512_set1_epi32(problem.x[p][i]);
      sums[p] = _mm512_add_epi32(sums[p], _mm512_xor_si512(_mm512_sllv_epi32(x, shifts), turns));
      settle(sums[p]);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < pixels; ++p) result[p] = sums[p];
}

void shift_16_bits(const Problem& problem, Sums& result) {
  Sums sums;
#pragma GCC unroll 8
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  const __m512i ones = _mm512_set1_epi16(1);
  for (int i = 0; i < inputs; i += 2) {
    const __m512i shifts = _mm512_load_si512(problem.shifts16[i / 2]);
    const __m512i turns = _mm512_load_si512(problem.turns16[i / 2]);
#pragma GCC unroll 8
    for (int p = 0; p < pixels; ++p) {
      const __m512i x = _mm512_set1_epi32(problem.x[p][i] | problem.x[p][i + 1] << 16);
      const __m512i terms = _mm512_xor_si512(_mm512_sllv_epi16(x, shifts), turns);
      sums[p] = _mm512_dpwssd_epi32(sums[p], terms, ones);
      settle(sums[p]);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < pixels; ++p) result[p] = sums[p];
}

/// The sums, and products a second of the shortest of many calls.
double measure(const Problem& problem, void (*compute)(const Problem&, Sums&), Sums& sums) {
  using Clock = std::chrono::steady_clock;
  constexpr int calls = 200;
  double seconds = 1e9;
  for (int round = 0; round < 500; ++round) {
    const Clock::time_point start = Clock::now();
    for (int call = 0; call < calls; ++call) {
      compute(problem, sums);
      asm volatile("" ::"m"(sums));
    }
    seconds = std::min(seconds, std::chrono::duration<double>(Clock::now() - start).count() / calls);
  }
  return double{pixels} * outputs * inputs / seconds;
}

}  // namespace

int main() {
  using kones::kernels::CpuTier;
  const std::vector<CpuTier>& tiers = kones::kernels::available_cpu_tiers();
  if (std::find(tiers.begin(), tiers.end(), CpuTier::avx512_vnni) == tiers.end()) {
    std::fprintf(stderr, "shift_tile_benchmark: this processor has no AVX-512 VNNI\n");
    return 1;
  }
  static const Problem problem;
  Sums products;
  const double rate = measure(problem, multiply, products);
  std::printf("| | G products/s | of products |\n|---|---:|---:|\n| products | %.1f | 1.00 |\n", rate / 1e9);
  const struct {
    const char* name;
    void (*compute)(const Problem&, Sums&);
  } shifts[] = {{"shifts of 32 bits", shift_32_bits}, {"shifts of 16 bits", shift_16_bits}};
  for (const auto& way : shifts) {
    Sums sums;
    const double of_shifts = measure(problem, way.compute, sums);
    std::printf("| %s | %.1f | %.2f |\n", way.name, of_shifts / 1e9, of_shifts / rate);
    for (int p = 0; p < pixels; ++p) {
      const __m512i whole = _mm512_add_epi32(sums[p], _mm512_load_si512(problem.negatives));
      if (_mm512_cmpneq_epi32_mask(whole, products[p]) != 0) {
        std::fprintf(stderr, "shift_tile_benchmark: %s give other sums\n", way.name);
        return 1;
      }
    }
  }
}
