// Runs the tests on the first CUDA device, or says that there is none.
#include <cstdio>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) {
    std::printf("SKIPPED: no CUDA device (%s)\n",
                error == cudaSuccess ? "the driver lists none" : cudaGetErrorString(error));
    return 0;
  }
  return RUN_ALL_TESTS();
}
