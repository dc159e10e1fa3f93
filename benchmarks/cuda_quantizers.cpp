// The quantizers' CUDA kernels against a copy on the same device: milliseconds and GB/s, one JSON object a
// line. usage: cuda_quantizers_benchmark [ELEMENTS]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "benchmarks/device_timing.h"
#include <cuda_runtime_api.h>

#include "kones/cuda/quantize.h"

namespace {

using kones::BFloat16;
using kones::Float16;
using kones::NumberFormat;
using kones::Rounding;

using kones::check;
using kones::DeviceBytes;
using kones::median_milliseconds;

void report(const std::string& name, double bytes, const std::function<void()>& run) {
  const double milliseconds = median_milliseconds(run);
  std::printf("{\"name\": \"%s\", \"milliseconds\": %.5f, \"gigabytes_per_second\": %.1f}\n", name.c_str(),
              milliseconds, bytes / milliseconds / 1e6);
}

/// Every quantizer on `count` elements of T; each reads and writes them once.
template <typename T>
void measure_type(const char* type, int64_t count, const DeviceBytes& x, const DeviceBytes& y) {
  const double bytes = 2.0 * static_cast<double>(count) * sizeof(T);
  const std::string suffix = std::string(", ") + type;
  report("copy" + suffix, bytes, [&] {
    check(cudaMemcpyAsync(y.as<T>(), x.as<T>(), static_cast<size_t>(count) * sizeof(T),
                          cudaMemcpyDeviceToDevice));
  });
  for (const NumberFormat& format :
       {NumberFormat::k_ones(1), NumberFormat::k_ones(2), NumberFormat::power_of_two(-7, 0, true),
        NumberFormat::fixed_point(2, 6), NumberFormat::binary()}) {
    for (const Rounding rounding : format.roundings()) {
      report(format.name() + ", " + std::string(kones::rounding_name(rounding)) + suffix, bytes, [&] {
        kones::cuda::quantize(x.as<T>(), y.as<T>(), count, format, rounding, {1, 2}, {}, nullptr);
      });
    }
  }
}

void measure(int64_t count) {
  const size_t bytes = static_cast<size_t>(count) * sizeof(float);
  const DeviceBytes x(bytes);
  const DeviceBytes y(bytes);
  std::vector<float> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    values[static_cast<size_t>(i)] = static_cast<float>(i % 4001 - 2000) / 1500.0f;
  check(cudaMemcpy(x.as<float>(), values.data(), bytes, cudaMemcpyHostToDevice));
  measure_type<float>("float32", count, x, y);
  // The same bytes as other types: their values do not matter to the time.
  measure_type<Float16>("float16", count, x, y);
  measure_type<BFloat16>("bfloat16", count, x, y);
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t count = argc > 1 ? std::atoll(argv[1]) : int64_t{1} << 26;
  if (count < 1 || argc > 2) {
    std::fprintf(stderr, "usage: %s [ELEMENTS]\n", argv[0]);
    return 2;
  }
  try {
    measure(count);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
  return 0;
}
