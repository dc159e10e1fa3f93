#include "kones/torch/quantizers/pact.h"

#include <limits>

#include <torch/torch.h>

#include "kones/torch/ops/fixed_point.h"
#include "kones/torch/quantizers/arguments.h"
#include "kones/torch/quantizers/scale.h"

namespace kones::quantizers {
namespace {

/// Where an x lies, as it is kept for the gradients.
enum Region : int64_t { below = 0, between = 1, above = 2 };

class PactFunction : public torch::autograd::Function<PactFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& alpha, int64_t bits) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const double n = static_cast<double>((int64_t{1} << bits) - 1);
    const at::Tensor top = alpha.reshape({}).clamp_min(smallest_trained_scale);
    context->save_for_backward({(x > 0).to(at::kByte).add_(x >= top)});
    context->saved_data["shape"] = alpha.sizes();
    // x / alpha is at least 1 wherever x >= alpha: the operator's range is the clip.
    return divide(fixed_point((x / top).mul_(n), bits, 0, false), n).mul_(top);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor region = context->get_saved_variables()[0];
    const at::Tensor& g = gradients[0];
    const std::vector<int64_t> shape = context->saved_data["shape"].toIntVector();
    const at::Tensor to_alpha = group_sum(g.masked_fill(region != above, 0)).to(at::kFloat).reshape(shape);
    return {g.masked_fill(region != between, 0), to_alpha, {}};
  }
};

}  // namespace

at::Tensor pact(const at::Tensor& x, const at::Tensor& alpha, int64_t bits) {
  check_operand("pact", "x", x);
  check_integer("pact", "bits", bits, 1, 24);
  TORCH_CHECK_VALUE(alpha.scalar_type() == at::kFloat && alpha.numel() == 1, "pact: alpha is ",
                    alpha.scalar_type(), " of shape ", alpha.sizes(), "; it takes one float32");
  return PactFunction::apply(x.to(at::kFloat), alpha, bits).to(x.scalar_type());
}

PactImpl::PactImpl(int64_t bits, double initial_alpha) : bits_(bits) {
  check_integer("pact", "bits", bits, 1, 24);
  check_number("pact", "initial_alpha", initial_alpha, smallest_trained_scale,
               std::numeric_limits<float>::max());
  alpha = register_parameter("alpha", torch::tensor(initial_alpha, torch::kFloat));
}

at::Tensor PactImpl::forward(const at::Tensor& x) const {
  return pact(x, alpha, bits_);
}

}  // namespace kones::quantizers
