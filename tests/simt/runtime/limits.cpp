#include "simt/runtime/limits.h"

#include <cstdint>
#include <map>
#include <mutex>

#include "simt/runtime/shared_memory.h"
#include "simt/runtime/symbols.h"

namespace simt {
namespace {

std::mutex mutex;

std::map<const void*, size_t>& allowed() {
  static std::map<const void*, size_t> dynamic_bytes;
  return dynamic_bytes;
}

Refusal over(const char* what, uint64_t value, uint64_t limit) {
  return {cudaErrorInvalidConfiguration,
          std::string(what) + " is " + std::to_string(value) + ", at most " + std::to_string(limit)};
}

}  // namespace

Refusal check_limits(const Launch& launch) {
  const dim3 grid = launch.grid;
  const dim3 block = launch.block;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return {cudaErrorInvalidConfiguration, "the grid is empty"};
  if (block.x == 0 || block.y == 0 || block.z == 0)
    return {cudaErrorInvalidConfiguration, "the block is empty"};
  if (grid.x > max_grid_x) return over("grid x", grid.x, max_grid_x);
  if (grid.y > max_grid_y_z) return over("grid y", grid.y, max_grid_y_z);
  if (grid.z > max_grid_y_z) return over("grid z", grid.z, max_grid_y_z);
  if (block.x > max_block_x_y) return over("block x", block.x, max_block_x_y);
  if (block.y > max_block_x_y) return over("block y", block.y, max_block_x_y);
  if (block.z > max_block_z) return over("block z", block.z, max_block_z);
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads > max_block_threads)
    return over("the number of threads in a block", threads, max_block_threads);
  const unsigned bound = launch_bound(launch.kernel);
  if (bound != 0 && threads > bound) {
    Refusal refusal = over("the number of threads in a block", threads, bound);
    refusal.error = cudaErrorInvalidValue;
    refusal.reason += " by the kernel's __launch_bounds__";
    return refusal;
  }

  size_t dynamic_limit = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = allowed().find(launch.kernel);
    if (found != allowed().end()) dynamic_limit = found->second;
  }
  const size_t fixed = static_shared_bytes(launch.kernel);
  const size_t limit =
      fixed + dynamic_limit > default_shared_bytes ? fixed + dynamic_limit : default_shared_bytes;
  if (fixed + launch.shared_bytes > limit) {
    Refusal refusal = over("shared memory in bytes", fixed + launch.shared_bytes, limit);
    refusal.error = cudaErrorInvalidValue;
    return refusal;
  }
  return {};
}

cudaError_t allow_dynamic_shared(const void* kernel, int bytes) {
  if (bytes < 0 || static_cast<size_t>(bytes) + static_shared_bytes(kernel) > max_shared_bytes) {
    return cudaErrorInvalidValue;
  }
  const std::lock_guard<std::mutex> lock(mutex);
  allowed()[kernel] = static_cast<size_t>(bytes);
  return cudaSuccess;
}

}  // namespace simt
