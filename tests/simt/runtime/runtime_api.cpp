// The functions of the CUDA runtime that kones and its tests call, on host memory. Streams are synchronous.
#include <cstring>

#include "simt/runtime/check/check.h"
#include "simt/runtime/device_memory.h"
#include "simt/runtime/last_error.h"
#include "simt/runtime/limits.h"
#include <cuda_runtime_api.h>

namespace simt {
namespace {

thread_local cudaError_t last_error = cudaSuccess;

cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

}  // namespace

void set_last_error(cudaError_t error) {
  last_error = error;
}

}  // namespace simt

extern "C" {

cudaError_t cudaGetLastError() {
  const cudaError_t error = simt::last_error;
  simt::last_error = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  return simt::last_error;
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    default:
      return "unrecognized error code";
  }
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return simt::result(device == 0 ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
      *value = 4;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
      *value = 8;  // mma, cp.async and ldmatrix are there
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = 0;
      return cudaSuccess;
    case cudaDevAttrWarpSize:
      *value = 32;
      return cudaSuccess;
    case cudaDevAttrMaxThreadsPerBlock:
      *value = static_cast<int>(simt::max_block_threads);
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = static_cast<int>(simt::default_shared_bytes);
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(simt::max_shared_bytes);
      return cudaSuccess;
    default:
      return simt::result(cudaErrorInvalidValue);
  }
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;  // the others are hints
  return simt::result(simt::allow_dynamic_shared(kernel, value));
}

cudaError_t cudaMalloc(void** pointer, size_t size) {
  *pointer = size == 0 ? nullptr : simt::allocate(size);
  return simt::result(size != 0 && *pointer == nullptr ? cudaErrorMemoryAllocation : cudaSuccess);
}

cudaError_t cudaFree(void* pointer) {
  return simt::result(pointer == nullptr || simt::release(pointer) ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t size, cudaMemcpyKind) {
  if (size == 0) return cudaSuccess;
  std::memcpy(to, from, size);
  if (simt::is_allocated(to, size)) simt::check::written_by_host(to, size);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t size, cudaMemcpyKind kind, cudaStream_t) {
  return cudaMemcpy(to, from, size, kind);
}

cudaError_t cudaMemset(void* to, int value, size_t size) {
  if (size == 0) return cudaSuccess;
  if (!simt::is_allocated(to, size)) return simt::result(cudaErrorInvalidValue);
  std::memset(to, value, size);
  simt::check::written_by_host(to, size);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t size, cudaStream_t) {
  return cudaMemset(to, value, size);
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  return cudaSuccess;
}

}  // extern "C"
