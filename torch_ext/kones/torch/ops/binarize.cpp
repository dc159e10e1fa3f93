#include "kones/torch/ops/binarize.h"

#include <torch/library.h>

#include "kones/torch/ops/elementwise.h"
#include "kones/torch/ops/quantize.h"
#include "kones/torch/ops/straight_through.h"

namespace kones {
namespace ops {
namespace {

at::Tensor binarize_cpu(const at::Tensor& x, std::string_view rounding, c10::SymInt seed,
                        c10::SymInt offset) {
  return quantize_cpu(x, check_binarize(x, rounding, seed, offset));
}

// A symbolic seed or offset has no value while a graph is traced, and needs none: only the kernels draw
// numbers.
at::Tensor binarize_meta(const at::Tensor& x, std::string_view rounding, c10::SymInt, c10::SymInt) {
  check_binarize(x, rounding, 0, 0);
  return at::empty_like(x);
}

std::tuple<at::Tensor, at::Tensor> binarize_masked_cpu(const at::Tensor& x, std::string_view rounding,
                                                       c10::SymInt seed, c10::SymInt offset) {
  return quantize_masked_cpu(x, check_binarize(x, rounding, seed, offset));
}

std::tuple<at::Tensor, at::Tensor> binarize_masked_meta(const at::Tensor& x, std::string_view rounding,
                                                        c10::SymInt, c10::SymInt) {
  check_binarize(x, rounding, 0, 0);
  return {at::empty_like(x), empty_mask(x)};
}

at::Tensor binarize_autograd(const at::Tensor& x, std::string_view rounding, c10::SymInt seed,
                             c10::SymInt offset) {
  static const auto masked = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow("kones::_binarize_masked", "")
                                 .typed<decltype(binarize_masked_cpu)>();
  const kernels::Quantization checked = check_binarize(x, rounding, 0, 0);
  return RangedStraightThrough::apply(
      x, passed_range(checked.format), needs_mask(x), checked.rounding == Rounding::stochastic,
      [&](const at::Tensor& operand) { return binarize(operand, rounding, seed, offset); },
      [&](const at::Tensor& operand) { return masked.call(operand, rounding, seed, offset); });
}

}  // namespace
}  // namespace ops

at::Tensor binarize(const at::Tensor& x, std::string_view rounding, c10::SymInt seed, c10::SymInt offset) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("kones::binarize", "")
                             .typed<decltype(ops::binarize_cpu)>();
  return op.call(x, rounding, std::move(seed), std::move(offset));
}

TORCH_LIBRARY_FRAGMENT(kones, library) {
  library.def("binarize(Tensor x, str rounding=\"nearest\", SymInt seed=0, SymInt offset=0) -> Tensor",
              {at::Tag::pt2_compliant_tag});
  library.def("_binarize_masked(Tensor x, str rounding, SymInt seed, SymInt offset) -> (Tensor, Tensor)",
              {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(kones, CPU, library) {
  library.impl("binarize", &ops::binarize_cpu);
  library.impl("_binarize_masked", &ops::binarize_masked_cpu);
}
TORCH_LIBRARY_IMPL(kones, Meta, library) {
  library.impl("binarize", &ops::binarize_meta);
  library.impl("_binarize_masked", &ops::binarize_masked_meta);
}
TORCH_LIBRARY_IMPL(kones, Autograd, library) {
  library.impl("binarize", &ops::binarize_autograd);
}

}  // namespace kones
