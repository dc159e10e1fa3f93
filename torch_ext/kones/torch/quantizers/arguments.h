// The arguments of the quantizers, checked. Each check throws c10::Error (TypeError for the type of a tensor,
// ValueError otherwise) that names the quantizer, the argument, what it got and what it takes.
#pragma once

#include <ATen/core/Tensor.h>

namespace kones::quantizers {

/// Refuses tensors that are not float32, float16 or bfloat16, as the operators do.
void check_operand(const char* quantizer, const char* argument, const at::Tensor& x);

/// Refuses integers outside low .. high.
void check_integer(const char* quantizer, const char* argument, int64_t value, int64_t low, int64_t high);

/// Refuses numbers outside low .. high, and NaN.
void check_number(const char* quantizer, const char* argument, double value, double low, double high);

}  // namespace kones::quantizers
