// Convolutions of integers, layer by layer, on one thread: activations of 8 bits (the first layers': of 16),
// weights of LightNN-1 as training starts with them (He et al., 2015), or with every level as likely.
// usage: integer_layers_benchmark [batch = 16] [tier = the machine's best] [levels: he | uniform]
// Milliseconds of a batch, products a second, and the share of the peak of vpdpbusd, 64 products each, which
// is measured in the same process. Times are the shortest of many windows.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "benchmarks/interleaved.h"
#include <immintrin.h>

#include "kones/kernels/integer_conv2d.h"
#include "kones/numeric/k_ones.h"

namespace kones::kernels {
namespace {

using benchmarks::shortest_call;

/// Products of bytes a second, each instruction waiting only for its own sums.
double peak_rate() {
  constexpr int64_t rounds = 20'000;
  const double seconds = shortest_call(
      [] {
        __m512i a = _mm512_set1_epi8(3), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        __m512i i = a, j = a, k = a, l = a;
        for (int64_t round = 0; round < rounds; ++round) {
          asm volatile(
              "vpdpbusd %0, %0, %0\n\tvpdpbusd %1, %1, %1\n\tvpdpbusd %2, %2, %2\n\t"
              "vpdpbusd %3, %3, %3\n\tvpdpbusd %4, %4, %4\n\tvpdpbusd %5, %5, %5\n\t"
              "vpdpbusd %6, %6, %6\n\tvpdpbusd %7, %7, %7\n\tvpdpbusd %8, %8, %8\n\t"
              "vpdpbusd %9, %9, %9\n\tvpdpbusd %10, %10, %10\n\tvpdpbusd %11, %11, %11"
              : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h), "+v"(i), "+v"(j),
                "+v"(k), "+v"(l));
        }
      },
      100, 1e-3);
  return 64.0 * 12 * rounds / seconds;
}

struct Layer {
  const char* name;
  IntegerOperand operand;
  int64_t in_channels;
  int64_t size;
  int64_t out_channels;
  int64_t kernel;
  int64_t padding;
};

constexpr IntegerOperand bytes = IntegerOperand::uint8;
constexpr IntegerOperand halves = IntegerOperand::int16;
constexpr Layer layers[] = {
    {"mnist-2conv conv 1", halves, 1, 28, 20, 5, 0},
    {"mnist-2conv conv 2", bytes, 20, 12, 50, 5, 0},
    {"mnist-2conv linear 1", bytes, 800, 1, 500, 1, 0},
    {"mnist-2conv linear 2", bytes, 500, 1, 10, 1, 0},
    {"cifar-3conv conv 1", halves, 3, 32, 32, 5, 2},
    {"cifar-3conv conv 2", bytes, 32, 16, 32, 5, 2},
    {"cifar-3conv conv 3", bytes, 32, 8, 64, 5, 2},
    {"cifar-6conv-pool3 conv 1", halves, 3, 32, 128, 3, 1},
    {"cifar-6conv-pool3 conv 2", bytes, 128, 32, 128, 3, 1},
    {"cifar-6conv-pool3 conv 3", bytes, 128, 16, 256, 3, 1},
    {"cifar-6conv-pool3 conv 4", bytes, 256, 16, 256, 3, 1},
    {"cifar-6conv-pool3 conv 5", bytes, 256, 8, 512, 3, 1},
    {"cifar-6conv-pool3 conv 6", bytes, 512, 8, 512, 3, 1},
    {"cifar-6conv-pool3 linear 1", bytes, 8192, 1, 1024, 1, 0},
    {"cifar-6conv-pool3 linear 2", bytes, 1024, 1, 1024, 1, 0},
};

std::vector<int32_t> draw_levels(int64_t count, int64_t inputs, bool uniform) {
  std::mt19937 random(1);
  std::normal_distribution<float> weight(0.0f, std::sqrt(2.0f / static_cast<float>(inputs)));
  std::vector<int32_t> levels(count);
  for (int32_t& level : levels) {
    if (uniform) {
      level = (random() % 2 == 0 ? 1 : -1) * (1 << random() % 8);
    } else {
      level = static_cast<int32_t>(128.0f * k_ones_nearest<1>(weight(random), 7));
    }
  }
  return levels;
}

template <typename T>
void measure(const Layer& layer, int64_t batch, CpuTier tier, bool uniform, double peak) {
  ConvolutionShape shape;
  shape.in_channels = layer.in_channels;
  shape.in_height = shape.in_width = layer.size;
  shape.out_channels = layer.out_channels;
  shape.kernel_height = shape.kernel_width = layer.kernel;
  shape.padding_height = shape.padding_width = layer.padding;
  const IntegerConv2d conv(draw_levels(shape.out_channels * shape.inputs(), shape.inputs(), uniform).data(),
                           shape, layer.operand, 0, tier);
  std::mt19937 random(2);
  std::vector<T> x(batch * layer.size * layer.size * layer.in_channels);
  for (T& value : x) value = static_cast<T>(random() % 256);
  const int64_t pixels = batch * shape.out_height() * shape.out_width();
  std::vector<int32_t> sums(pixels * shape.out_channels);
  const double seconds = shortest_call(
      [&] { conv.run(x.data(), shape.in_channels, batch, sums.data(), shape.out_channels); }, 100, 1e-3);
  const double products = static_cast<double>(pixels * shape.out_channels * shape.inputs());
  std::printf("| %s | %.4f | %.1f | %.1f %% |\n", layer.name, 1e3 * seconds, 1e-9 * products / seconds,
              100.0 * products / seconds / peak);
  std::fflush(stdout);
}

}  // namespace
}  // namespace kones::kernels

int main(int count, char** arguments) {
  using namespace kones::kernels;
  const int64_t batch = count > 1 ? std::atoi(arguments[1]) : 16;
  CpuTier tier = cpu_tier();
  for (const CpuTier available : available_cpu_tiers()) {
    if (count > 2 && cpu_tier_name(available) == arguments[2]) tier = available;
  }
  const bool uniform = count > 3 && std::string(arguments[3]) == "uniform";
  if (std::find(available_cpu_tiers().begin(), available_cpu_tiers().end(), CpuTier::avx512_vnni) ==
      available_cpu_tiers().end()) {
    std::printf("SKIPPED: this machine has no VNNI\n");
    return 0;
  }
  const double peak = peak_rate();
  std::printf("%s, batch %lld, peak %.1f G products/s\n\n", std::string(cpu_tier_name(tier)).c_str(),
              static_cast<long long>(batch), 1e-9 * peak);
  std::printf("| layer | ms | G products/s | of the peak |\n|---|---:|---:|---:|\n");
  for (const Layer& layer : layers) {
    if (layer.operand == IntegerOperand::uint8) {
      measure<uint8_t>(layer, batch, tier, uniform, peak);
    } else {
      measure<int16_t>(layer, batch, tier, uniform, peak);
    }
  }
  return 0;
}
