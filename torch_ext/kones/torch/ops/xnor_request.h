// What the operators of convolutions of signs share: tensors for the backends' kernels.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "kones/torch/ops/xnor_backend.h"
#include "kones/torch/ops/xnor_shape.h"

namespace kones::ops {

/// A parameter of an epilogue, checked, as the kernels take it: float32, contiguous; undefined if there is
/// none.
at::Tensor parameter(const char* name, const char* argument, const std::optional<at::Tensor>& given,
                     int64_t outputs, const at::Tensor& x);

/// [N, O, H, W] without content.
at::Tensor empty_result(const SymbolicXnorShape& shape, const at::TensorOptions& options,
                        at::MemoryFormat format);

XnorKernel kernel_of(const XnorShape& shape);

/// The words of a weight's signs in the order [outputs][taps][group_words].
at::Tensor pack_weight(const at::Tensor& weight);

/// Such words of `kernel` in the kernels' own order.
at::Tensor prepack_words(const at::Tensor& weight_words, const XnorKernel& kernel, int64_t groups);

/// Numbers [N, C, H, W] as an operand.
XnorOperand operand_of(const at::Tensor& x, int64_t groups);

}  // namespace kones::ops
