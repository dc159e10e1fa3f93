#include "kones/torch/ops/ternarize.h"

#include <torch/library.h>

#include "kones/torch/ops/quantize.h"
#include "kones/torch/ops/straight_through.h"

namespace kones {
namespace ops {
namespace {

at::Tensor checked_ternarize_cpu(const at::Tensor& x, double threshold, double positive, double negative) {
  return ternarize_cpu(x, check_ternarize(x, threshold, positive, negative));
}

at::Tensor ternarize_meta(const at::Tensor& x, double threshold, double positive, double negative) {
  check_ternarize(x, threshold, positive, negative);
  return at::empty_like(x);
}

at::Tensor ternarize_autograd(const at::Tensor& x, double threshold, double positive, double negative) {
  return StraightThrough::apply(
      x, [&](const at::Tensor& operand) { return ternarize(operand, threshold, positive, negative); });
}

}  // namespace
}  // namespace ops

at::Tensor ternarize(const at::Tensor& x, double threshold, double positive, double negative) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("kones::ternarize", "")
                             .typed<decltype(ops::checked_ternarize_cpu)>();
  return op.call(x, threshold, positive, negative);
}

TORCH_LIBRARY_FRAGMENT(kones, library) {
  library.def("ternarize(Tensor x, float threshold, float positive=1.0, float negative=1.0) -> Tensor",
              {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(kones, CPU, library) {
  library.impl("ternarize", &ops::checked_ternarize_cpu);
}
TORCH_LIBRARY_IMPL(kones, Meta, library) {
  library.impl("ternarize", &ops::ternarize_meta);
}
TORCH_LIBRARY_IMPL(kones, Autograd, library) {
  library.impl("ternarize", &ops::ternarize_autograd);
}

}  // namespace kones
