// The CPU and CUDA kernels of the elementwise quantizers on tensors, for the operators' registrations.
#pragma once

#include <tuple>

#include <ATen/core/Tensor.h>

#include "kones/kernels/quantize.h"
#include "kones/torch/ops/arguments.h"

namespace kones::ops {

/// x rounded, with x's type and memory format.
at::Tensor quantize_cpu(const at::Tensor& x, const kernels::Quantization& quantization);
at::Tensor quantize_cuda(const at::Tensor& x, const kernels::Quantization& quantization);

/// x rounded into y, a tensor of x's type whose elements lie as x's do: densely, and for stochastic rounding
/// in row-major order. y may be x.
void quantize_into_cpu(const at::Tensor& x, at::Tensor& y, const kernels::Quantization& quantization);

/// The same, and the bits of the elements that are inside passed_range, in the order mask_order
/// (elementwise.h).
std::tuple<at::Tensor, at::Tensor> quantize_masked_cpu(const at::Tensor& x,
                                                       const kernels::Quantization& quantization);
std::tuple<at::Tensor, at::Tensor> quantize_masked_cuda(const at::Tensor& x,
                                                        const kernels::Quantization& quantization);

/// How a CPU kernel writes a tensor: past the caches if it is too large for them.
kernels::Stores stores_of(const at::Tensor& y);

at::Tensor ternarize_cpu(const at::Tensor& x, TernaryScales scales);
at::Tensor ternarize_cuda(const at::Tensor& x, TernaryScales scales);

/// gradient where x is inside the range, else 0, with the gradient's type and memory format.
at::Tensor range_gradient_cpu(const at::Tensor& gradient, const at::Tensor& x, double low, double high);
at::Tensor range_gradient_cuda(const at::Tensor& gradient, const at::Tensor& x, double low, double high);

/// gradient where the mask's bit is set, else 0; the elements of `gradient` lie in the mask's order, densely.
at::Tensor apply_mask_cpu(const at::Tensor& gradient, const at::Tensor& mask);
at::Tensor apply_mask_cuda(const at::Tensor& gradient, const at::Tensor& mask);

}  // namespace kones::ops
