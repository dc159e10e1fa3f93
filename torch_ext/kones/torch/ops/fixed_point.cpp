#include "kones/torch/ops/fixed_point.h"

#include <torch/library.h>

#include "kones/torch/ops/elementwise.h"
#include "kones/torch/ops/quantize.h"
#include "kones/torch/ops/straight_through.h"

namespace kones {
namespace ops {
namespace {

at::Tensor fixed_point_cpu(const at::Tensor& x, int64_t integer_bits, int64_t fraction_bits, bool is_signed,
                           std::string_view rounding, c10::SymInt seed, c10::SymInt offset) {
  return quantize_cpu(x,
                      check_fixed_point(x, integer_bits, fraction_bits, is_signed, rounding, seed, offset));
}

at::Tensor fixed_point_meta(const at::Tensor& x, int64_t integer_bits, int64_t fraction_bits, bool is_signed,
                            std::string_view rounding, c10::SymInt, c10::SymInt) {
  check_fixed_point(x, integer_bits, fraction_bits, is_signed, rounding, 0, 0);
  return at::empty_like(x);
}

std::tuple<at::Tensor, at::Tensor> fixed_point_masked_cpu(const at::Tensor& x, int64_t integer_bits,
                                                          int64_t fraction_bits, bool is_signed,
                                                          std::string_view rounding, c10::SymInt seed,
                                                          c10::SymInt offset) {
  return quantize_masked_cpu(
      x, check_fixed_point(x, integer_bits, fraction_bits, is_signed, rounding, seed, offset));
}

std::tuple<at::Tensor, at::Tensor> fixed_point_masked_meta(const at::Tensor& x, int64_t integer_bits,
                                                           int64_t fraction_bits, bool is_signed,
                                                           std::string_view rounding, c10::SymInt,
                                                           c10::SymInt) {
  check_fixed_point(x, integer_bits, fraction_bits, is_signed, rounding, 0, 0);
  return {at::empty_like(x), empty_mask(x)};
}

at::Tensor fixed_point_autograd(const at::Tensor& x, int64_t integer_bits, int64_t fraction_bits,
                                bool is_signed, std::string_view rounding, c10::SymInt seed,
                                c10::SymInt offset) {
  static const auto masked = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow("kones::_fixed_point_masked", "")
                                 .typed<decltype(fixed_point_masked_cpu)>();
  const kernels::Quantization checked =
      check_fixed_point(x, integer_bits, fraction_bits, is_signed, rounding, 0, 0);
  return RangedStraightThrough::apply(
      x, passed_range(checked.format), needs_mask(x), checked.rounding == Rounding::stochastic,
      [&](const at::Tensor& operand) {
        return fixed_point(operand, integer_bits, fraction_bits, is_signed, rounding, seed, offset);
      },
      [&](const at::Tensor& operand) {
        return masked.call(operand, integer_bits, fraction_bits, is_signed, rounding, seed, offset);
      });
}

}  // namespace
}  // namespace ops

at::Tensor fixed_point(const at::Tensor& x, int64_t integer_bits, int64_t fraction_bits, bool is_signed,
                       std::string_view rounding, c10::SymInt seed, c10::SymInt offset) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("kones::fixed_point", "")
                             .typed<decltype(ops::fixed_point_cpu)>();
  return op.call(x, integer_bits, fraction_bits, is_signed, rounding, std::move(seed), std::move(offset));
}

TORCH_LIBRARY_FRAGMENT(kones, library) {
  library.def(
      "fixed_point(Tensor x, int integer_bits, int fraction_bits, bool signed=True, str "
      "rounding=\"nearest\", "
      "SymInt seed=0, SymInt offset=0) -> Tensor",
      {at::Tag::pt2_compliant_tag});
  library.def(
      "_fixed_point_masked(Tensor x, int integer_bits, int fraction_bits, bool signed, str rounding, SymInt "
      "seed, "
      "SymInt offset) -> (Tensor, Tensor)",
      {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(kones, CPU, library) {
  library.impl("fixed_point", &ops::fixed_point_cpu);
  library.impl("_fixed_point_masked", &ops::fixed_point_masked_cpu);
}
TORCH_LIBRARY_IMPL(kones, Meta, library) {
  library.impl("fixed_point", &ops::fixed_point_meta);
  library.impl("_fixed_point_masked", &ops::fixed_point_masked_meta);
}
TORCH_LIBRARY_IMPL(kones, Autograd, library) {
  library.impl("fixed_point", &ops::fixed_point_autograd);
}

}  // namespace kones
