#include "kones/torch/ops/power_of_two.h"

#include <torch/library.h>

#include "kones/torch/ops/quantize.h"
#include "kones/torch/ops/straight_through.h"

namespace kones {
namespace ops {
namespace {

at::Tensor power_of_two_cpu(const at::Tensor& x, int64_t min_exponent, int64_t max_exponent, bool zero,
                            std::string_view rounding, c10::SymInt seed, c10::SymInt offset) {
  return quantize_cpu(x, check_power_of_two(x, min_exponent, max_exponent, zero, rounding, seed, offset));
}

at::Tensor power_of_two_meta(const at::Tensor& x, int64_t min_exponent, int64_t max_exponent, bool zero,
                             std::string_view rounding, c10::SymInt, c10::SymInt) {
  check_power_of_two(x, min_exponent, max_exponent, zero, rounding, 0, 0);
  return at::empty_like(x);
}

at::Tensor power_of_two_autograd(const at::Tensor& x, int64_t min_exponent, int64_t max_exponent, bool zero,
                                 std::string_view rounding, c10::SymInt seed, c10::SymInt offset) {
  return StraightThrough::apply(x, [&](const at::Tensor& operand) {
    return power_of_two(operand, min_exponent, max_exponent, zero, rounding, seed, offset);
  });
}

}  // namespace
}  // namespace ops

at::Tensor power_of_two(const at::Tensor& x, int64_t min_exponent, int64_t max_exponent, bool zero,
                        std::string_view rounding, c10::SymInt seed, c10::SymInt offset) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("kones::power_of_two", "")
                             .typed<decltype(ops::power_of_two_cpu)>();
  return op.call(x, min_exponent, max_exponent, zero, rounding, std::move(seed), std::move(offset));
}

TORCH_LIBRARY_FRAGMENT(kones, library) {
  library.def(
      "power_of_two(Tensor x, int min_exponent, int max_exponent, bool zero=False, str rounding=\"nearest\", "
      "SymInt seed=0, SymInt offset=0) -> Tensor",
      {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(kones, CPU, library) {
  library.impl("power_of_two", &ops::power_of_two_cpu);
}
TORCH_LIBRARY_IMPL(kones, Meta, library) {
  library.impl("power_of_two", &ops::power_of_two_meta);
}
TORCH_LIBRARY_IMPL(kones, Autograd, library) {
  library.impl("power_of_two", &ops::power_of_two_autograd);
}

}  // namespace kones
