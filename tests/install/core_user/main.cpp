// A project outside the tree that uses kones::core alone.
#include <cmath>
#include <cstdio>

#include "kones/data/dataset.h"
#include "kones/error.h"
#include "kones/kernels/quantize.h"
#include "kones/numeric/format.h"
#include "kones/package/reader.h"

int main() {
  float weights[] = {0.3f, -0.75f, 5.0f, 0.0f};
  const kones::NumberFormat format = kones::NumberFormat::k_ones(1);
  kones::kernels::quantize(weights, weights, 4, {format, kones::Rounding::nearest, {}}, 0);
  for (const float weight : weights) {
    const auto level = static_cast<int32_t>(std::ldexp(weight, format.fraction_bits()));
    std::printf("%g has code %u\n", weight, format.encode(level));
  }
  try {
    kones::package::read_package("none.kones");
  } catch (const kones::Error& error) {
    std::printf("no package: %s\n", error.what());
  }
  try {
    kones::load_dataset("mnist:none");
  } catch (const kones::Error& error) {
    std::printf("no data: %s\n", error.what());
  }
}
