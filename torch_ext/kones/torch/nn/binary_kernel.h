// How a layer of binary weights and signs is computed: by kones's packed kernel, or by LibTorch on -1 and +1.
// On the CPU both give the same bits, since every partial sum is a whole number that float32 holds (cuDNN may
// choose an algorithm that rounds); so the faster one is taken, by the clock.
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace kones::nn {

enum class BinaryKernel {
  automatic,  ///< whichever is faster, as measured when a shape first occurs
  packed,
  libtorch,
};

/// The kernel that layers use: the one last set, else what the environment variable KONES_BINARY_KERNEL names
/// (auto, packed, libtorch). Throws Error for another name.
BinaryKernel binary_kernel();
void set_binary_kernel(BinaryKernel kernel);

/// What was measured for a shape, and taken.
struct BinaryKernelChoice {
  std::string shape;  ///< for people
  bool packed;
  double packed_seconds;
  double libtorch_seconds;
};

/// The choices since the last call, in the order in which they were made.
std::vector<BinaryKernelChoice> take_binary_kernel_choices();

/// Signs both as words (ops::pack_signs_masked) and as numbers.
struct Signs {
  at::Tensor words;
  at::Tensor numbers;
};

/// How a convolution moves; linear layers leave it alone.
struct ConvolutionGeometry {
  std::vector<int64_t> stride = {1, 1};
  std::vector<int64_t> padding = {0, 0};
  std::vector<int64_t> dilation = {1, 1};
  int64_t groups = 1;
};

/// conv2d(x, weight) for x [N, C, H, W], or linear(x, weight) for x [N, C]; float32 whole numbers in x's
/// memory format. Records no gradient.
at::Tensor multiply_signs(const Signs& x, const Signs& weight, const ConvolutionGeometry& geometry);

}  // namespace kones::nn
