#include "kones/torch/ops/binarize.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kones/kernels/binarize.h"
#include "kones/torch/ops/elementwise.h"

namespace kones {
namespace ops {
namespace {

at::Tensor binarize_cpu(const at::Tensor& x, std::string_view rounding, c10::SymInt seed,
                        c10::SymInt offset) {
  check_operand("binarize", x);
  const RoundingArguments a = check_rounding("binarize", rounding, seed, offset);
  return quantize_elements(
      x, a.rounding == Rounding::stochastic, [&a](const at::Tensor& from, at::Tensor& to) {
        for_storage_type(from.scalar_type(), [&](auto type) {
          using T = decltype(type);
          const T* source = static_cast<const T*>(from.const_data_ptr());
          T* destination = static_cast<T*>(to.mutable_data_ptr());
          at::parallel_for(0, from.numel(), at::internal::GRAIN_SIZE, [&](int64_t begin, int64_t end) {
            kernels::binarize(source + begin, destination + begin, end - begin, a.rounding, a.stream, begin);
          });
        });
      });
}

// A symbolic seed or offset has no value while a graph is traced, and needs none: only the kernels draw
// numbers.
at::Tensor binarize_meta(const at::Tensor& x, std::string_view rounding, c10::SymInt, c10::SymInt) {
  check_operand("binarize", x);
  check_rounding("binarize", rounding, 0, 0);
  return at::empty_like(x);
}

class BinarizeFunction : public torch::autograd::Function<BinarizeFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            std::string_view rounding, const c10::SymInt& seed, const c10::SymInt& offset) {
    context->save_for_backward({x});
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    return binarize(x, rounding, seed, offset);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor x = context->get_saved_variables()[0];
    return {at::where(x.abs() <= 1, gradients[0], 0), {}, {}, {}};
  }
};

at::Tensor binarize_autograd(const at::Tensor& x, std::string_view rounding, c10::SymInt seed,
                             c10::SymInt offset) {
  return BinarizeFunction::apply(x, rounding, seed, offset);
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
}
TORCH_LIBRARY_IMPL(kones, CPU, library) {
  library.impl("binarize", &ops::binarize_cpu);
}
TORCH_LIBRARY_IMPL(kones, Meta, library) {
  library.impl("binarize", &ops::binarize_meta);
}
TORCH_LIBRARY_IMPL(kones, Autograd, library) {
  library.impl("binarize", &ops::binarize_autograd);
}

}  // namespace kones
