#include "kones/torch/ops/k_ones.h"

#include <torch/library.h>

#include "kones/torch/ops/quantize.h"
#include "kones/torch/ops/straight_through.h"

namespace kones {
namespace ops {
namespace {

at::Tensor k_ones_cpu(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                      c10::SymInt seed, c10::SymInt offset) {
  return quantize_cpu(x, check_k_ones(x, k, max_shift, rounding, seed, offset));
}

// A symbolic seed or offset has no value while a graph is traced, and needs none: only the kernels draw
// numbers.
at::Tensor k_ones_meta(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                       c10::SymInt, c10::SymInt) {
  check_k_ones(x, k, max_shift, rounding, 0, 0);
  return at::empty_like(x);
}

at::Tensor k_ones_autograd(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                           c10::SymInt seed, c10::SymInt offset) {
  return StraightThrough::apply(
      x, [&](const at::Tensor& operand) { return k_ones(operand, k, max_shift, rounding, seed, offset); });
}

}  // namespace
}  // namespace ops

at::Tensor k_ones(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                  c10::SymInt seed, c10::SymInt offset) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("kones::k_ones", "").typed<decltype(ops::k_ones_cpu)>();
  return op.call(x, k, max_shift, rounding, std::move(seed), std::move(offset));
}

TORCH_LIBRARY_FRAGMENT(kones, library) {
  library.def(
      "k_ones(Tensor x, int k, int max_shift=7, str rounding=\"nearest\", SymInt seed=0, SymInt offset=0) -> "
      "Tensor",
      {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(kones, CPU, library) {
  library.impl("k_ones", &ops::k_ones_cpu);
}
TORCH_LIBRARY_IMPL(kones, Meta, library) {
  library.impl("k_ones", &ops::k_ones_meta);
}
TORCH_LIBRARY_IMPL(kones, Autograd, library) {
  library.impl("k_ones", &ops::k_ones_autograd);
}

}  // namespace kones
