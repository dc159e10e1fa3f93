#include "kones/torch/quantizers/dorefa.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kones/torch/ops/binarize.h"
#include "kones/torch/ops/fixed_point.h"
#include "kones/torch/ops/straight_through.h"
#include "kones/torch/quantizers/arguments.h"
#include "kones/torch/quantizers/scale.h"

namespace kones::quantizers {
namespace {

constexpr int64_t no_quantization = 32;

void check_bits(const char* quantizer, int64_t bits) {
  TORCH_CHECK_VALUE((bits >= 1 && bits <= 24) || bits == no_quantization, quantizer, ": bits is ", bits,
                    "; it takes 1 to 24, or 32 for no quantization");
}

double steps_in_one(int64_t bits) {
  return static_cast<double>((int64_t{1} << bits) - 1);
}

/// q_k of x in [0, 1], float32.
at::Tensor unit_levels(const at::Tensor& x, int64_t bits) {
  const double n = steps_in_one(bits);
  return divide(fixed_point(x * n, bits, 0, false), n);
}

class QuantizedGradient : public torch::autograd::Function<QuantizedGradient> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, int64_t bits,
                            RandomStream stream, DorefaNoise noise) {
    context->saved_data["bits"] = bits;
    context->saved_data["seed"] = static_cast<int64_t>(stream.seed);
    context->saved_data["offset"] = static_cast<int64_t>(stream.offset);
    context->saved_data["noise"] = noise == DorefaNoise::on;
    return x;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor d = gradients[0].to(at::kFloat);
    const int64_t bits = context->saved_data["bits"].toInt();
    const double n = steps_in_one(bits);
    const at::Tensor m = spread("dorefa_gradient", "gradient", max_abs(d, 0), d, 0);
    const at::Tensor divisor = at::where(m == 0, at::ones_like(m), m);
    const at::Tensor steps =
        fixed_point((d / divisor).mul_(0.5).add_(0.5).mul_(n), bits, 0, false,
                    context->saved_data["noise"].toBool() ? "stochastic" : "nearest",
                    context->saved_data["seed"].toInt(), context->saved_data["offset"].toInt());
    // m * (2 steps / n - 1), whose ends are -m and m exactly.
    const at::Tensor quantized = divide(steps.mul(2).sub_(n), n).mul_(m).add_(0.0);
    return {quantized.to(gradients[0].scalar_type()), {}, {}, {}};
  }
};

}  // namespace

at::Tensor dorefa_weight(const at::Tensor& w, int64_t bits) {
  check_operand("dorefa_weight", "w", w);
  check_bits("dorefa_weight", bits);
  if (bits == no_quantization) return w;
  if (bits == 1) {
    return ops::StraightThrough::apply(w, [](const at::Tensor& x) {
      return (binarize(x).to(at::kFloat) * mean_abs(x)).to(x.scalar_type());
    });
  }
  if (w.numel() == 0) return w.clone();
  const at::Tensor t = w.to(at::kFloat).tanh();
  const at::Tensor largest = t.abs().amax();
  const at::Tensor m = at::where(largest == 0, at::ones_like(largest), largest);
  const at::Tensor between = t / (m * 2) + 0.5;
  const at::Tensor q =
      ops::StraightThrough::apply(between, [bits](const at::Tensor& x) { return unit_levels(x, bits); });
  return (q * 2 - 1).to(w.scalar_type());
}

at::Tensor dorefa_activation(const at::Tensor& x, int64_t bits) {
  check_operand("dorefa_activation", "x", x);
  check_bits("dorefa_activation", bits);
  if (bits == no_quantization) return x.relu();
  const double n = steps_in_one(bits);
  // Scaling is left out of the gradient on both sides, where it cancels but for rounding. No float32 outside
  // [0, 1] comes inside [0, n] by it.
  const at::Tensor scaled =
      ops::StraightThrough::apply(x.to(at::kFloat), [n](const at::Tensor& v) { return v * n; });
  const at::Tensor steps = fixed_point(scaled, bits, 0, false);
  return ops::StraightThrough::apply(steps, [n](const at::Tensor& v) { return divide(v, n); })
      .to(x.scalar_type());
}

at::Tensor dorefa_gradient(const at::Tensor& x, int64_t bits, RandomStream stream, DorefaNoise noise) {
  check_operand("dorefa_gradient", "x", x);
  check_bits("dorefa_gradient", bits);
  TORCH_CHECK_VALUE(x.dim() >= 1, "dorefa_gradient: x has no dimension; it takes samples along dimension 0");
  if (bits == no_quantization) return x;
  return QuantizedGradient::apply(x, bits, stream, noise);
}

}  // namespace kones::quantizers
