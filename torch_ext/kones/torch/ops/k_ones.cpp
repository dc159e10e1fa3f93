#include "kones/torch/ops/k_ones.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kones/kernels/k_ones.h"
#include "kones/numeric/k_ones.h"
#include "kones/torch/ops/elementwise.h"
#include "kones/torch/ops/k_ones_arguments.h"

namespace kones {
namespace ops {

KOnesArguments check_k_ones(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                            const c10::SymInt& seed, const c10::SymInt& offset) {
  check_operand("k_ones", x);
  TORCH_CHECK_VALUE(k >= 1 && k <= k_ones_max_terms, "kones::k_ones: k is ", k, "; it takes 1 to ",
                    k_ones_max_terms);
  TORCH_CHECK_VALUE(max_shift >= 0 && max_shift <= k_ones_max_max_shift, "kones::k_ones: max_shift is ",
                    max_shift, "; it takes 0 to ", k_ones_max_max_shift);
  const auto [known, stream] = check_rounding("k_ones", rounding, seed, offset);
  return {static_cast<int>(k), static_cast<int>(max_shift), known, stream};
}

namespace {

at::Tensor k_ones_cpu(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                      c10::SymInt seed, c10::SymInt offset) {
  const KOnesArguments a = check_k_ones(x, k, max_shift, rounding, seed, offset);
  return quantize_elements(
      x, a.rounding == Rounding::stochastic, [&a](const at::Tensor& from, at::Tensor& to) {
        for_storage_type(from.scalar_type(), [&](auto type) {
          using T = decltype(type);
          const T* source = static_cast<const T*>(from.const_data_ptr());
          T* destination = static_cast<T*>(to.mutable_data_ptr());
          at::parallel_for(0, from.numel(), at::internal::GRAIN_SIZE, [&](int64_t begin, int64_t end) {
            kernels::k_ones(source + begin, destination + begin, end - begin, a.terms, a.max_shift,
                            a.rounding, a.stream, begin);
          });
        });
      });
}

// A symbolic seed or offset has no value while a graph is traced, and needs none: only the kernels draw
// numbers.
at::Tensor k_ones_meta(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                       c10::SymInt, c10::SymInt) {
  check_k_ones(x, k, max_shift, rounding, 0, 0);
  return at::empty_like(x);
}

class KOnesFunction : public torch::autograd::Function<KOnesFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x, int64_t k,
                            int64_t max_shift, std::string_view rounding, const c10::SymInt& seed,
                            const c10::SymInt& offset) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    return k_ones(x, k, max_shift, rounding, seed, offset);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 torch::autograd::variable_list gradients) {
    return {gradients[0], {}, {}, {}, {}, {}};
  }
};

at::Tensor k_ones_autograd(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                           c10::SymInt seed, c10::SymInt offset) {
  return KOnesFunction::apply(x, k, max_shift, rounding, seed, offset);
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
