// The arguments of the elementwise quantizers, checked, for the registrations of every device. Each check
// throws c10::Error that names the operator, the argument, what it got and what it takes.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>

#include "kones/kernels/quantize.h"
#include "kones/numeric/ternary.h"

namespace kones::ops {

/// Refuses operands of operator `name` that are not float32, float16 or bfloat16.
void check_operand(const char* name, const at::Tensor& x);

kernels::Quantization check_k_ones(const at::Tensor& x, int64_t k, int64_t max_shift,
                                   std::string_view rounding, const c10::SymInt& seed,
                                   const c10::SymInt& offset);

kernels::Quantization check_power_of_two(const at::Tensor& x, int64_t min_exponent, int64_t max_exponent,
                                         bool zero, std::string_view rounding, const c10::SymInt& seed,
                                         const c10::SymInt& offset);

kernels::Quantization check_fixed_point(const at::Tensor& x, int64_t integer_bits, int64_t fraction_bits,
                                        bool is_signed, std::string_view rounding, const c10::SymInt& seed,
                                        const c10::SymInt& offset);

kernels::Quantization check_binarize(const at::Tensor& x, std::string_view rounding, const c10::SymInt& seed,
                                     const c10::SymInt& offset);

TernaryScales check_ternarize(const at::Tensor& x, double threshold, double positive, double negative);

/// A number format as integers, for operators' schemas, which know no structures.
std::vector<int64_t> format_numbers(const NumberFormat& format);

/// The format and rounding of kones::_quantize_all; refuses what is no format, and tensors that do not fit.
std::pair<NumberFormat, Rounding> check_quantize_all(at::TensorList x, at::TensorList y,
                                                     at::IntArrayRef format, std::string_view rounding,
                                                     at::IntArrayRef seeds);

/// The interval in which a quantizer's gradient passes, ends included.
struct PassedRange {
  float low;
  float high;
};

/// [-1, 1] for binary (Courbariaux and others, 2016: the derivative of hard tanh), the ends of a fixed point
/// format.
PassedRange passed_range(const NumberFormat& format);

}  // namespace kones::ops
