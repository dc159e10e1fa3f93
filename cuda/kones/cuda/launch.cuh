// The one way that kernels are launched here.
#pragma once

#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#include "kones/cuda/stream.h"

namespace kones::cuda {

/// Launches `kernel` with its arguments converted to its parameters' types. Throws std::runtime_error, with the kernel's
/// name, when the launch is refused; errors in the kernel itself surface at the stream's next synchronisation.
template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, Stream stream,
            Arguments... arguments) {
  kernel<<<grid, block, shared_bytes, stream>>>(static_cast<Parameters>(arguments)...);
  const cudaError_t error = cudaPeekAtLastError();
  if (error != cudaSuccess) {
    throw std::runtime_error(std::string("CUDA kernel ") + name + " was not launched: " + cudaGetErrorString(error));
  }
}

}  // namespace kones::cuda
