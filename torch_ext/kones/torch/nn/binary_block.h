// A layer with binary weights, its max-pooling and batch norm as one step of autograd, which keeps bits.
#pragma once

#include <ATen/core/Tensor.h>

#include "kones/torch/nn/binary_kernel.h"

namespace kones::nn {

/// A batch norm's parameters and running statistics, in training.
struct TrainingNorm {
  at::Tensor weight;
  at::Tensor bias;
  at::Tensor running_mean;
  at::Tensor running_variance;
  double momentum;  ///< the share of the new statistics
  double epsilon;
};

struct BinaryBlockOptions {
  ConvolutionGeometry geometry;
  int64_t max_pool = 1;  ///< square window and stride; 1 is none
  bool signs = true;     ///< x holds -1 and +1, so that its bits say all
};

/// batch_norm(max_pool2d(conv2d(x, weight))) for x [N, C, H, W], or batch_norm(linear(x, weight)) for x [N,
/// C]; weight holds -1 and +1. The results and gradients are those of LibTorch's own operators in a row, but
/// what is kept for the gradient is the bits of weight and, with options.signs, of x (otherwise x), with a
/// mean and a deviation a channel: the gradient computes the sums again. With signs the operands and the sums
/// may be multiplied by the packed kernel (binary_kernel.h). float32 tensors. Throws c10::Error.
at::Tensor binary_block(const at::Tensor& x, const at::Tensor& weight, const TrainingNorm& norm,
                        const BinaryBlockOptions& options);

}  // namespace kones::nn
