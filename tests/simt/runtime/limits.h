// What a launch may ask for: the limits that all devices from compute capability 7.5 on share, but for shared
// memory, where the largest is taken (CUDA programming guide, "Technical specifications per compute
// capability").
#pragma once

#include <cstddef>
#include <string>

#include "simt/launch.h"
#include <driver_types.h>

namespace simt {

constexpr unsigned max_block_threads = 1024;
constexpr unsigned max_block_x_y = 1024;
constexpr unsigned max_block_z = 64;
constexpr unsigned max_grid_x = 2147483647;
constexpr unsigned max_grid_y_z = 65535;
constexpr size_t default_shared_bytes = 48 * 1024;
constexpr size_t max_shared_bytes = 227 * 1024;

struct Refusal {
  cudaError_t error = cudaSuccess;
  std::string reason;
};

/// Why a device would refuse the launch; cudaSuccess if it would not.
Refusal check_limits(const Launch& launch);

/// Lets the kernel's launches ask for up to `bytes` of dynamic shared memory.
cudaError_t allow_dynamic_shared(const void* kernel, int bytes);

}  // namespace simt
