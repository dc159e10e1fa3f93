// What the elementwise quantizers' registrations share: checks of their operands, and a flat view of any
// layout.
#pragma once

#include <string_view>

#include <ATen/ATen.h>

#include "kones/numeric/float16.h"
#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"

namespace kones::ops {

/// The arguments that every rounding quantizer takes.
struct RoundingArguments {
  Rounding rounding;
  RandomStream stream;
};

/// Reads `rounding`, `seed` and `offset` of operator `name`; refuses an unknown rounding.
RoundingArguments check_rounding(const char* name, std::string_view rounding, const c10::SymInt& seed,
                                 const c10::SymInt& offset);

/// Refuses operands of operator `name` that are not float32, float16 or bfloat16.
void check_operand(const char* name, const at::Tensor& x);

/// The result tensor of an elementwise quantizer, filled by `quantize(x, y)` on tensors whose elements lie in
/// the same order in memory, densely, and, where `ordered`, in row-major order, as the random numbers are
/// counted.
template <typename Quantize>
at::Tensor quantize_elements(const at::Tensor& x, bool ordered, Quantize quantize) {
  at::Tensor y = at::empty_like(x);
  const bool flat = x.is_non_overlapping_and_dense() && x.strides() == y.strides();
  if (flat && (!ordered || x.is_contiguous())) {
    quantize(x, y);
  } else {
    const at::Tensor row_major = x.contiguous();
    at::Tensor quantized = at::empty_like(row_major);
    quantize(row_major, quantized);
    y.copy_(quantized);
  }
  return y;
}

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

}  // namespace kones::ops
