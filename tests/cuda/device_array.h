// Arrays in device memory, for tests. The same source runs on a device and on the SIMT layer, which has the
// CUDA runtime's functions too.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>

namespace kones {

/// Throws what the CUDA runtime says, unless that is success.
inline void require_success(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(error));
}

/// `size` elements of device memory.
template <typename T>
class DeviceArray {
 public:
  /// Without content.
  explicit DeviceArray(size_t size) : size_(size) {
    void* memory = nullptr;
    require_success(cudaMalloc(&memory, size * sizeof(T)));
    data_ = static_cast<T*>(memory);
  }

  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    if (!values.empty())
      require_success(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
  }

  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(data_); }

  /// Waits for all kernels, and copies the elements.
  std::vector<T> to_host() const {
    require_success(cudaDeviceSynchronize());
    std::vector<T> values(size_);
    if (size_ != 0)
      require_success(cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  T* data_ = nullptr;
  size_t size_;
};

}  // namespace kones
