#include "kones/torch/ops/straight_through.h"

#include <torch/library.h>

#include "kones/torch/ops/elementwise.h"
#include "kones/torch/ops/quantize.h"

namespace kones {
namespace ops {
namespace {

constexpr const char* low_key = "low";
constexpr const char* high_key = "high";
constexpr const char* order_key = "order";

at::Tensor range_gradient(const at::Tensor& gradient, const at::Tensor& x, double low, double high) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("kones::_range_gradient", "")
                             .typed<decltype(range_gradient_cpu)>();
  return op.call(gradient, x, low, high);
}

at::Tensor apply_mask(const at::Tensor& gradient, const at::Tensor& mask) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("kones::_apply_mask", "")
                             .typed<decltype(apply_mask_cpu)>();
  return op.call(gradient, mask);
}

at::Tensor range_gradient_meta(const at::Tensor& gradient, const at::Tensor& x, double, double) {
  check_range_gradient(gradient, x);
  return combine_tensors(gradient, x, [](const at::Tensor&, const at::Tensor&, at::Tensor&) {});
}

at::Tensor apply_mask_meta(const at::Tensor& gradient, const at::Tensor& mask) {
  check_apply_mask(gradient, mask);
  return at::empty_like(gradient);
}

// Both are linear in the gradient: their own gradient is the same map.

class RangeGradientFunction : public torch::autograd::Function<RangeGradientFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& gradient,
                            const at::Tensor& x, double low, double high) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    context->save_for_backward({x});
    context->saved_data[low_key] = low;
    context->saved_data[high_key] = high;
    return range_gradient(gradient, x, low, high);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor x = context->get_saved_variables()[0];
    return {range_gradient(gradients[0], x, context->saved_data[low_key].toDouble(),
                           context->saved_data[high_key].toDouble()),
            {},
            {},
            {}};
  }
};

class ApplyMaskFunction : public torch::autograd::Function<ApplyMaskFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& gradient,
                            const at::Tensor& mask) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    context->save_for_backward({mask});
    context->saved_data[order_key] = static_cast<int64_t>(gradient.suggest_memory_format());
    return apply_mask(gradient, mask);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto order = static_cast<at::MemoryFormat>(context->saved_data[order_key].toInt());
    return {apply_mask(gradients[0].contiguous(order), context->get_saved_variables()[0]), {}};
  }
};

at::Tensor range_gradient_autograd(const at::Tensor& gradient, const at::Tensor& x, double low, double high) {
  return RangeGradientFunction::apply(gradient, x, low, high);
}

at::Tensor apply_mask_autograd(const at::Tensor& gradient, const at::Tensor& mask) {
  return ApplyMaskFunction::apply(gradient, mask);
}

}  // namespace

void RangedStraightThrough::save_range(torch::autograd::AutogradContext* context, PassedRange range) {
  context->saved_data[low_key] = static_cast<double>(range.low);
  context->saved_data[high_key] = static_cast<double>(range.high);
}

void RangedStraightThrough::save_order(torch::autograd::AutogradContext* context, const at::Tensor& x,
                                       bool ordered) {
  context->saved_data[order_key] = static_cast<int64_t>(mask_order(x, ordered));
}

torch::autograd::variable_list RangedStraightThrough::backward(torch::autograd::AutogradContext* context,
                                                               torch::autograd::variable_list gradients) {
  const at::Tensor saved = context->get_saved_variables()[0];
  const auto order = context->saved_data.find(order_key);
  if (order != context->saved_data.end()) {
    const auto format = static_cast<at::MemoryFormat>(order->second.toInt());
    return {apply_mask(gradients[0].contiguous(format), saved), {}, {}, {}, {}, {}};
  }
  const double low = context->saved_data[low_key].toDouble();
  const double high = context->saved_data[high_key].toDouble();
  return {range_gradient(gradients[0], saved, low, high), {}, {}, {}, {}, {}};
}

}  // namespace ops

TORCH_LIBRARY_FRAGMENT(kones, library) {
  library.def("_range_gradient(Tensor gradient, Tensor x, float low, float high) -> Tensor",
              {at::Tag::pt2_compliant_tag});
  library.def("_apply_mask(Tensor gradient, Tensor mask) -> Tensor", {at::Tag::pt2_compliant_tag});
}
TORCH_LIBRARY_IMPL(kones, CPU, library) {
  library.impl("_range_gradient", &ops::range_gradient_cpu);
  library.impl("_apply_mask", &ops::apply_mask_cpu);
}
TORCH_LIBRARY_IMPL(kones, Meta, library) {
  library.impl("_range_gradient", &ops::range_gradient_meta);
  library.impl("_apply_mask", &ops::apply_mask_meta);
}
TORCH_LIBRARY_IMPL(kones, Autograd, library) {
  library.impl("_range_gradient", &ops::range_gradient_autograd);
  library.impl("_apply_mask", &ops::apply_mask_autograd);
}

}  // namespace kones
