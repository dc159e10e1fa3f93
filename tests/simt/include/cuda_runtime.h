// CUDA's <cuda_runtime.h> for a host compiler: the toolkit's types and runtime functions, and the device side
// by the layer in simt/. Kernel files include it as they would the toolkit's, and compile unchanged.
#pragma once

#define __DEVICE_LAUNCH_PARAMETERS_H__  // the toolkit's threadIdx and the like, which are constants

// clang-format off
#include <cuda_runtime_api.h>
#include <vector_functions.h>
#include <vector_types.h>
// clang-format on

#include "simt/arithmetic.h"
#include "simt/async_copy.h"
#include "simt/atomics.h"
#include "simt/barrier.h"
#include "simt/build.h"
#include "simt/error.h"
#include "simt/launch.h"
#include "simt/location.h"
#include "simt/matrix.h"
#include "simt/memory.h"
#include "simt/order.h"
#include "simt/thread.h"
#include "simt/warp.h"

template <typename... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}

template <typename T>
cudaError_t cudaMalloc(T** pointer, size_t size) {
  return cudaMalloc(reinterpret_cast<void**>(pointer), size);
}

template <typename T>
cudaError_t cudaMemcpyToSymbol(T& symbol, const void* source, size_t size, size_t offset = 0) {
  return cudaMemcpy(reinterpret_cast<char*>(&symbol) + offset, source, size, cudaMemcpyHostToDevice);
}

template <typename T>
cudaError_t cudaMemcpyFromSymbol(void* destination, const T& symbol, size_t size, size_t offset = 0) {
  return cudaMemcpy(destination, reinterpret_cast<const char*>(&symbol) + offset, size,
                    cudaMemcpyDeviceToHost);
}
