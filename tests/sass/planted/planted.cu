// Kernels with one fault each that scripts/check_sass must report, and sound ones that it must not. Compiled
// without -fmad=false, so that fused() fuses.
#include <cstdint>

__global__ void sound(const float4* x, float4* y, int count) {
#pragma unroll 1
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
    const float4 value = x[i];
    y[i] = make_float4(value.x + 1.0f, value.y + 1.0f, value.z + 1.0f, value.w + 1.0f);
  }
}

__global__ void sound_division(const float* x, float* y) {
  y[threadIdx.x] = x[threadIdx.x] / x[threadIdx.x + 32];
}

// 96 values alive at a time in the 64 registers that 1,024 threads leave.
__global__ void __launch_bounds__(1024) spilled(const float* x, float* y) {
  float value[96];
#pragma unroll
  for (int i = 0; i < 96; ++i) value[i] = x[i * 1024 + threadIdx.x];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 96; ++i) y[i * 1024 + threadIdx.x] = value[i] * value[(i + 37) % 96];
}

// Indices that are known only at run time.
__global__ void local_array(const int* index, float* y) {
  float count[16] = {};
  for (int i = 0; i < 8; ++i) count[index[8 * threadIdx.x + i] & 15] += 1.0f;
#pragma unroll
  for (int i = 0; i < 16; ++i) y[16 * threadIdx.x + i] = count[i];
}

__global__ void many_registers(const float* x, float* y) {
  float value[100];
#pragma unroll
  for (int i = 0; i < 100; ++i) value[i] = x[i * 256 + threadIdx.x];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 100; ++i) y[i * 256 + threadIdx.x] = value[i] * value[(i + 37) % 100];
}

__global__ void much_shared(const float* x, float* y) {
  __shared__ float tile[4096];
  for (int i = threadIdx.x; i < 4096; i += 256) tile[i] = x[i];
  __syncthreads();
  y[threadIdx.x] = tile[4095 - 16 * threadIdx.x];
}

// Four scalar loads and stores where a quad was meant.
__global__ void narrow(const float* x, float* y) {
  const int first = 4 * threadIdx.x;
  for (int i = 0; i < 4; ++i) y[first + i] = x[first + i] + 1.0f;
}

__global__ void fused(const float* x, float* y) {
  y[threadIdx.x] = x[threadIdx.x] * 3.0f + 1.0f;
}

// A fused multiply-add beside those of the division.
__global__ void fused_beside_division(const float* x, float* y) {
  y[threadIdx.x] = x[threadIdx.x] / x[threadIdx.x + 32] * 3.0f + 1.0f;
}

__global__ void integer_division(const uint64_t* x, uint64_t* y) {
  y[threadIdx.x] = x[threadIdx.x] / x[threadIdx.x + 32];
}

__device__ __noinline__ float not_inlined(float x) {
  return x + 1.0f;
}

__global__ void calls_function(const float* x, float* y) {
  y[threadIdx.x] = not_inlined(x[threadIdx.x]);
}

__global__ void calls_pointer(float (*const* function)(float), const float* x, float* y) {
  y[threadIdx.x] = function[blockIdx.x](x[threadIdx.x]);
}

// Ones counted bit by bit, in a way that nvcc does not see through.
__global__ void no_population_count(const uint32_t* x, uint32_t* y) {
  uint32_t ones = 0;
  for (uint32_t word = x[threadIdx.x]; word != 0; word >>= 1) ones += word & 1;
  y[threadIdx.x] = ones;
}

__global__ void population_count(const uint32_t* x, uint32_t* y) {
  y[threadIdx.x] = __popc(x[threadIdx.x]);
}

// sound() with work that nobody needs in its loop.
__global__ void wasteful(const float4* x, float4* y, int count) {
#pragma unroll 1
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
    float4 value = x[i];
#pragma unroll
    for (int turn = 0; turn < 20; ++turn) value.x = value.x * value.y + value.z;
    y[i] = value;
  }
}

// No loop at all.
__global__ void no_loop(const float4* x, float4* y) {
  y[threadIdx.x] = x[threadIdx.x];
}

__global__ void without_row(float* y) {
  y[threadIdx.x] = 0.0f;
}

__global__ void with_two_rows(float* y) {
  y[threadIdx.x] = 0.0f;
}
