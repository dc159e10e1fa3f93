// Straight-through gradients (Bengio, Leonard and Courville, "Estimating or Propagating Gradients Through
// Stochastic Neurons", 2013) for operators that autograd does not look into.
#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kones/torch/ops/arguments.h"

namespace kones::ops {

/// Whether a gradient through x would need x kept alive for it alone.
inline bool needs_mask(const at::Tensor& x) {
  return at::GradMode::is_enabled() && x.requires_grad() && !x.is_leaf();
}

/// compute(x), with the gradient passed on as it is.
class StraightThrough : public torch::autograd::Function<StraightThrough> {
 public:
  template <typename Compute>
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x, const Compute& compute) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    return compute(x);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 torch::autograd::variable_list gradients) {
    return {gradients[0], {}};
  }
};

/// compute(x), with the gradient passed on where x is inside a range. A leaf stays alive anyway, and is kept
/// for that; of others (`masked`) only bits are: compute_masked(x) gives the result and the range's mask.
class RangedStraightThrough : public torch::autograd::Function<RangedStraightThrough> {
 public:
  template <typename Compute, typename ComputeMasked>
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, PassedRange range,
                            bool masked, bool ordered, const Compute& compute,
                            const ComputeMasked& compute_masked) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    if (!masked) {
      context->save_for_backward({x});
      save_range(context, range);
      return compute(x);
    }
    const auto [y, mask] = compute_masked(x);
    context->save_for_backward({mask});
    save_order(context, x, ordered);
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients);

 private:
  static void save_range(torch::autograd::AutogradContext* context, PassedRange range);
  static void save_order(torch::autograd::AutogradContext* context, const at::Tensor& x, bool ordered);
};

}  // namespace kones::ops
