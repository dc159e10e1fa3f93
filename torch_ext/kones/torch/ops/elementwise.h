// What the elementwise quantizers' registrations share: the tensors around a kernel on plain pointers.
#pragma once

#include <tuple>

#include <ATen/ATen.h>

#include "kones/kernels/quantize.h"
#include "kones/numeric/float16.h"
#include "kones/torch/ops/arguments.h"

namespace kones::ops {

/// Calls `function(T{})` with the storage type of kones that has the layout of `type`.
template <typename Function>
void for_storage_type(at::ScalarType type, Function function) {
  switch (type) {
    case at::ScalarType::Half:
      return function(Float16{});
    case at::ScalarType::BFloat16:
      return function(BFloat16{});
    default:
      return function(float{});
  }
}

/// The result tensor of an elementwise function, filled by `map(x, y)` on tensors whose elements lie in the
/// same order in memory, densely, and, where `ordered`, in row-major order, as the random numbers are
/// counted.
template <typename Map>
at::Tensor map_tensor(const at::Tensor& x, bool ordered, Map map) {
  at::Tensor y = at::empty_like(x);
  const bool flat = x.is_non_overlapping_and_dense() && x.strides() == y.strides();
  if (flat && (!ordered || x.is_contiguous())) {
    map(x, y);
  } else {
    const at::Tensor row_major = x.contiguous();
    at::Tensor mapped = at::empty_like(row_major);
    map(row_major, mapped);
    y.copy_(mapped);
  }
  return y;
}

/// The order in memory in which the bits of x's range mask are: x's own, if it is one that a tensor can be
/// brought to by its name, unless the random numbers want row-major order.
inline at::MemoryFormat mask_order(const at::Tensor& x, bool ordered) {
  const at::MemoryFormat own = x.suggest_memory_format();
  return ordered ? at::MemoryFormat::Contiguous : own;
}

/// Refuses what the gradients' own operators can't take.
inline void check_range_gradient(const at::Tensor& gradient, const at::Tensor& x) {
  check_operand("_range_gradient", gradient);
  TORCH_CHECK_VALUE(
      gradient.scalar_type() == x.scalar_type() && gradient.sym_sizes() == x.sym_sizes() &&
          gradient.device() == x.device(),
      "kones::_range_gradient: x is not like gradient; it takes one of its type, sizes and device");
}

inline void check_apply_mask(const at::Tensor& gradient, const at::Tensor& mask) {
  check_operand("_apply_mask", gradient);
  TORCH_CHECK_VALUE(gradient.is_non_overlapping_and_dense(),
                    "kones::_apply_mask: gradient has gaps; it takes a dense one");
  TORCH_CHECK_VALUE(mask.scalar_type() == at::kLong && mask.is_contiguous() &&
                        mask.device() == gradient.device() &&
                        mask.sym_numel() == (gradient.sym_numel() + 63) / 64,
                    "kones::_apply_mask: mask does not fit gradient; it takes a bit an element in 64-bit "
                    "words on its device");
}

/// The result of `combine(gradient, x, y)` on three tensors whose elements lie in the same order, densely.
template <typename Combine>
at::Tensor combine_tensors(const at::Tensor& gradient, const at::Tensor& x, Combine combine) {
  const bool flat = gradient.is_non_overlapping_and_dense() && gradient.strides() == x.strides();
  const at::Tensor first = flat ? gradient : gradient.contiguous();
  const at::Tensor second = flat ? x : x.contiguous();
  at::Tensor y = at::empty_like(first);
  combine(first, second, y);
  return y;
}

/// The words of a range mask of x.
inline at::Tensor empty_mask(const at::Tensor& x) {
  return at::empty_symint({(x.sym_numel() + 63) / 64}, x.options().dtype(at::kLong));
}

/// As map_tensor, with `map(x, y, mask)` filling also the words of the range mask, in the order mask_order.
template <typename Map>
std::tuple<at::Tensor, at::Tensor> map_tensor_with_mask(const at::Tensor& x, bool ordered, Map map) {
  const at::Tensor source = x.contiguous(mask_order(x, ordered));
  at::Tensor mapped = at::empty_like(source);
  at::Tensor mask = empty_mask(x);
  map(source, mapped, mask);
  at::Tensor y = at::empty_like(x);
  if (y.strides() == mapped.strides()) return {mapped, mask};
  y.copy_(mapped);
  return {y, mask};
}

}  // namespace kones::ops
