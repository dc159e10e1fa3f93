// Launching a kernel on the host.
#pragma once

#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "simt/build.h"
#include <cuda_runtime_api.h>

namespace simt {

/// One parameter of a kernel, as bytes.
struct ParameterBytes {
  const void* address;
  size_t size;
};

/// A launch with its types taken away. It lives as long as the launch.
struct Launch {
  const char* name;    ///< as reports call the kernel
  const void* kernel;  ///< the kernel's address, which leads to its symbol
  dim3 grid;
  dim3 block;
  size_t shared_bytes;                 ///< dynamic shared memory
  void (*call)(const Launch& launch);  ///< runs one thread
  const void* parameters;              ///< all parameters in one object …
  size_t parameters_size;
  const ParameterBytes* parameter;  ///< … and one by one
  size_t parameter_count;
  const char* text;  ///< the launch's arguments in the source, or null
};

/// What the next launch's arguments are called in the source: grid, block, shared bytes, stream and the
/// kernel's own.
void name_arguments(const char* text);

/// Runs every block of the launch and returns cudaSuccess, or refuses it as a device would: then the reason
/// goes to standard error and the runtime's last error is set. Throws simt::Error with a report on what went
/// wrong in a thread.
cudaError_t run(const Launch& launch);

/// Runs `kernel` with its arguments converted to its parameters' types.
template <typename... Parameters, typename... Arguments>
cudaError_t launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block,
                   size_t shared_bytes, Arguments&&... arguments) {
  using Values = std::tuple<std::remove_cv_t<Parameters>...>;
  const Values values(static_cast<Parameters>(arguments)...);
  const auto bytes = std::apply(
      [](const auto&... value) {
        return std::array<ParameterBytes, sizeof...(Parameters)>{ParameterBytes{&value, sizeof(value)}...};
      },
      values);
  Launch request{};
  request.name = name;
  request.kernel = reinterpret_cast<const void*>(kernel);
  request.grid = grid;
  request.block = block;
  request.shared_bytes = shared_bytes;
  request.call = [](const Launch& self) {
    std::apply(reinterpret_cast<void (*)(Parameters...)>(const_cast<void*>(self.kernel)),
               *static_cast<const Values*>(self.parameters));
  };
  request.parameters = &values;
  request.parameters_size = sizeof(values);
  request.parameter = bytes.data();
  request.parameter_count = bytes.size();
  return run(request);
}

}  // namespace simt
