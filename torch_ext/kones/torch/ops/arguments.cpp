#include "kones/torch/ops/arguments.h"

#include <cmath>
#include <limits>
#include <string>

#include <ATen/ATen.h>

#include "kones/numeric/fixed_point.h"
#include "kones/numeric/k_ones.h"
#include "kones/numeric/power_of_two.h"

namespace kones::ops {
namespace {

/// Refuses an integer argument outside low .. high.
int check_integer(const char* name, const char* argument, int64_t value, int64_t low, int64_t high) {
  TORCH_CHECK_VALUE(value >= low && value <= high, "kones::", name, ": ", argument, " is ", value,
                    "; it takes ", low, " to ", high);
  return static_cast<int>(value);
}

kernels::Quantization check_rounding(const char* name, const NumberFormat& format, std::string_view rounding,
                                     const c10::SymInt& seed, const c10::SymInt& offset) {
  std::string names;
  for (const Rounding known : format.roundings()) {
    if (rounding == rounding_name(known)) {
      const auto value = [](const c10::SymInt& number) {
        return static_cast<uint64_t>(number.guard_int(__FILE__, __LINE__));
      };
      return {format, known, {value(seed), value(offset)}};
    }
    names += (names.empty() ? "" : ", ") + std::string(rounding_name(known));
  }
  TORCH_CHECK_VALUE(false, "kones::", name, ": rounding is \"", rounding, "\"; it takes one of ", names);
}

float check_finite(const char* name, const char* argument, double value) {
  TORCH_CHECK_VALUE(std::fabs(value) <= std::numeric_limits<float>::max(), "kones::", name, ": ", argument,
                    " is ", value, "; it takes a finite float32");
  return static_cast<float>(value);
}

}  // namespace

void check_operand(const char* name, const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kHalf || type == at::kBFloat16, "kones::", name,
                   ": x is ", type, "; it takes float32, float16 or bfloat16");
}

kernels::Quantization check_k_ones(const at::Tensor& x, int64_t k, int64_t max_shift,
                                   std::string_view rounding, const c10::SymInt& seed,
                                   const c10::SymInt& offset) {
  check_operand("k_ones", x);
  const int terms = check_integer("k_ones", "k", k, 1, k_ones_max_terms);
  const int largest_shift = check_integer("k_ones", "max_shift", max_shift, 0, k_ones_max_max_shift);
  return check_rounding("k_ones", NumberFormat::k_ones(terms, largest_shift), rounding, seed, offset);
}

kernels::Quantization check_power_of_two(const at::Tensor& x, int64_t min_exponent, int64_t max_exponent,
                                         bool zero, std::string_view rounding, const c10::SymInt& seed,
                                         const c10::SymInt& offset) {
  const char* name = "power_of_two";
  check_operand(name, x);
  const int smallest =
      check_integer(name, "min_exponent", min_exponent, power_of_two_min_exponent, power_of_two_max_exponent);
  const int largest =
      check_integer(name, "max_exponent", max_exponent, power_of_two_min_exponent, power_of_two_max_exponent);
  TORCH_CHECK_VALUE(smallest <= largest, "kones::", name, ": min_exponent is ", smallest,
                    "; it takes at most max_exponent, ", largest);
  return check_rounding(name, NumberFormat::power_of_two(smallest, largest, zero), rounding, seed, offset);
}

kernels::Quantization check_fixed_point(const at::Tensor& x, int64_t integer_bits, int64_t fraction_bits,
                                        bool is_signed, std::string_view rounding, const c10::SymInt& seed,
                                        const c10::SymInt& offset) {
  const char* name = "fixed_point";
  check_operand(name, x);
  const int before =
      check_integer(name, "integer_bits", integer_bits, -fixed_point_max_exponent, fixed_point_max_exponent);
  const int after = check_integer(name, "fraction_bits", fraction_bits, -fixed_point_max_exponent,
                                  fixed_point_max_exponent);
  check_integer(name, "integer_bits + fraction_bits", integer_bits + fraction_bits, 1, fixed_point_max_bits);
  return check_rounding(name, NumberFormat::fixed_point(before, after, is_signed), rounding, seed, offset);
}

kernels::Quantization check_binarize(const at::Tensor& x, std::string_view rounding, const c10::SymInt& seed,
                                     const c10::SymInt& offset) {
  check_operand("binarize", x);
  return check_rounding("binarize", NumberFormat::binary(), rounding, seed, offset);
}

TernaryScales check_ternarize(const at::Tensor& x, double threshold, double positive, double negative) {
  const char* name = "ternarize";
  check_operand(name, x);
  const float checked = check_finite(name, "threshold", threshold);
  TORCH_CHECK_VALUE(threshold >= 0.0, "kones::", name, ": threshold is ", threshold, "; it takes 0 or more");
  return {checked, check_finite(name, "positive", positive), check_finite(name, "negative", negative)};
}

std::vector<int64_t> format_numbers(const NumberFormat& f) {
  return {static_cast<int64_t>(f.family),
          f.terms,
          f.max_shift,
          f.min_exponent,
          f.max_exponent,
          f.zero,
          f.integer_bits,
          f.step_exponent,
          f.is_signed};
}

std::pair<NumberFormat, Rounding> check_quantize_all(at::TensorList x, at::TensorList y,
                                                     at::IntArrayRef format, std::string_view rounding,
                                                     at::IntArrayRef seeds) {
  const char* name = "_quantize_all";
  TORCH_CHECK_VALUE(format.size() == 9, "kones::", name, ": format has ", format.size(),
                    " numbers; it takes 9");
  NumberFormat f;
  f.family = static_cast<FormatFamily>(format[0]);
  int* const fields[] = {&f.terms, &f.max_shift, &f.min_exponent, &f.max_exponent};
  for (size_t i = 0; i < 4; ++i) *fields[i] = static_cast<int>(format[1 + i]);
  f.zero = format[5] != 0;
  f.integer_bits = static_cast<int>(format[6]);
  f.step_exponent = static_cast<int>(format[7]);
  f.is_signed = format[8] != 0;
  TORCH_CHECK_VALUE(f.is_valid() && f.family != FormatFamily::ternary, "kones::", name, ": format is ",
                    format, "; it takes the numbers of a format other than ternary");
  TORCH_CHECK_VALUE(x.size() == y.size() && x.size() == seeds.size(), "kones::", name, ": there are ",
                    x.size(), " tensors x, ", y.size(), " y and ", seeds.size(),
                    " seeds; it takes as many of each");
  for (size_t i = 0; i < x.size(); ++i) {
    for (const at::Tensor& tensor : {x[i], y[i]}) {
      TORCH_CHECK_TYPE(tensor.scalar_type() == at::kFloat, "kones::", name, ": tensor ", i, " is ",
                       tensor.scalar_type(), "; it takes float32");
      TORCH_CHECK_VALUE(
          tensor.is_contiguous() && tensor.device() == x[0].device() && tensor.numel() == x[i].numel(),
          "kones::", name, ": tensor ", i,
          " is not contiguous, of another size or on another device; it takes x and y alike");
    }
  }
  return {f, check_rounding(name, f, rounding, 0, 0).rounding};
}

PassedRange passed_range(const NumberFormat& format) {
  if (format.family == FormatFamily::binary) return {-1.0f, 1.0f};
  const float step = std::ldexp(1.0f, -format.fraction_bits());
  return {static_cast<float>(format.min_level()) * step, static_cast<float>(format.max_level()) * step};
}

}  // namespace kones::ops
