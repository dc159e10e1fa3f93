// Planted bugs in the launch itself.
#include "cuda/device_array.h"
#include "simt/seeded/seeded.h"
#include <cuda_runtime.h>

#include "kones/cuda/hardware.cuh"

namespace kones::seeded {
namespace {

__global__ void mark(int* y) {
  if (blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0 && threadIdx.z == 0) *y = 1;
}

bool launch_marks(dim3 grid, dim3 block, size_t shared_bytes) {
  DeviceArray<int> y(std::vector<int>{0});
  KONES_LAUNCH(mark, grid, block, shared_bytes, nullptr, y.data());
  return y.to_host()[0] == 1;
}

bool grid_y_past_limit(bool planted) {
  return launch_marks(dim3(1, planted ? 65536 : 65535), dim3(1), 0);
}

bool block_past_limit(bool planted) {
  return launch_marks(dim3(1), dim3(planted ? 1025 : 1024), 0);
}

bool block_z_past_limit(bool planted) {
  return launch_marks(dim3(1), dim3(1, 1, planted ? 65 : 64), 0);
}

bool shared_past_limit(bool planted) {
  return launch_marks(dim3(1), dim3(32), planted ? 49153 : 49152);
}

/// With a bound that is a constant expression, as templates have it.
template <int Warps>
__global__ void __launch_bounds__(32 * Warps, 1) mark_bounded(int* y) {
  if (threadIdx.x == 0) *y = 1;
}

bool block_past_launch_bounds(bool planted) {
  DeviceArray<int> y(std::vector<int>{0});
  KONES_LAUNCH(mark_bounded<8>, dim3(1), dim3(planted ? 257 : 256), 0, nullptr, y.data());
  return y.to_host()[0] == 1;
}

bool empty_grid(bool planted) {
  return launch_marks(dim3(planted ? 0 : 1), dim3(32), 0);
}

}  // namespace

std::vector<SeededBug> launch_bugs() {
  return {{"grid_y_past_limit", grid_y_past_limit},
          {"block_past_limit", block_past_limit},
          {"block_z_past_limit", block_z_past_limit},
          {"shared_past_limit", shared_past_limit},
          {"block_past_launch_bounds", block_past_launch_bounds},
          {"empty_grid", empty_grid}};
}

}  // namespace kones::seeded
