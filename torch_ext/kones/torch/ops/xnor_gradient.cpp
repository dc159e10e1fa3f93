#include "kones/torch/ops/xnor_gradient.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "kones/torch/ops/dispatcher.h"
#include "kones/torch/ops/signs.h"
#include "kones/torch/ops/xnor_conv2d.h"
#include "kones/torch/ops/xnor_shape.h"

namespace kones::ops {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

bool requires_gradient(const OptionalTensor& tensor) {
  return tensor && tensor->defined() && tensor->requires_grad();
}

/// Whether a tensor's gradient, backward or forward, has to know of what is computed from it. What Function
/// makes of tangents is an error.
bool is_followed(const OptionalTensor& tensor) {
  return (at::GradMode::is_enabled() && requires_gradient(tensor)) ||
         torch::autograd::isFwGradDefined(tensor);
}

/// One number an output, to be combined with [N, O, H, W].
at::Tensor along_outputs(const at::Tensor& parameter, at::ScalarType type) {
  return parameter.to(type).view({1, -1, 1, 1});
}

class XnorConv2dFunction : public torch::autograd::Function<XnorConv2dFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const OptionalTensor& scale, const OptionalTensor& bias,
                            at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                            int64_t groups) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    check_conv2d(x, weight, scale, bias, {stride, padding, dilation, groups});
    const int64_t in_channels = x.sym_size(1).guard_int(__FILE__, __LINE__);
    const bool channels_last = x.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
    const auto [words, mask] = pack_signs_masked(x, groups, x.requires_grad());
    const at::Tensor weight_words = pack_signs(weight);
    at::Tensor y = xnor_conv2d_words(words, weight_words, in_channels, scale, bias, stride, padding, dilation,
                                     groups, x.scalar_type(), channels_last);
    context->save_for_backward({words, mask, weight_words, scale.value_or(at::Tensor())});
    context->saved_data["in_channels"] = in_channels;
    context->saved_data["group_in_channels"] = in_channels / groups;
    context->saved_data["channels_last"] = channels_last;
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    context->saved_data["dilation"] = dilation;
    context->saved_data["groups"] = groups;
    context->saved_data["weight_type"] = weight.scalar_type();
    context->saved_data["scale_type"] = scale ? scale->scalar_type() : at::kFloat;
    context->saved_data["bias_type"] = bias ? bias->scalar_type() : at::kFloat;
    context->saved_data["needs_scale"] = requires_gradient(scale);
    context->saved_data["needs_bias"] = requires_gradient(bias);
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    auto& saved = context->saved_data;
    const auto variables = context->get_saved_variables();
    const at::Tensor& words = variables[0];
    const at::Tensor& mask = variables[1];
    const at::Tensor& weight_words = variables[2];
    const at::Tensor& scale = variables[3];
    const std::vector<int64_t> stride = saved["stride"].toIntVector();
    const std::vector<int64_t> padding = saved["padding"].toIntVector();
    const std::vector<int64_t> dilation = saved["dilation"].toIntVector();
    const int64_t groups = saved["groups"].toInt();
    const int64_t in_channels = saved["in_channels"].toInt();
    const bool channels_last = saved["channels_last"].toBool();
    // Rounded once, at the end: in float32 unless nothing but a product of x's type is asked for.
    const at::ScalarType weight_type = saved["weight_type"].toScalarType();
    const at::ScalarType x_type = gradients[0].scalar_type();
    const at::ScalarType type = weight_type == x_type && !scale.defined() ? x_type : at::kFloat;
    const at::Tensor gradient = gradients[0].to(type);
    const bool needs_x = context->needs_input_grad(0);
    const bool needs_weight = context->needs_input_grad(1);

    torch::autograd::variable_list results(8);
    if (needs_x || needs_weight) {
      const at::Tensor scaled = scale.defined() ? gradient * along_outputs(scale, type) : gradient;
      const at::Tensor x_signs = unpack_signs_as(words, in_channels, groups, type, channels_last);
      const at::Tensor weight_signs =
          unpack_signs_as(weight_words, saved["group_in_channels"].toInt(), 1, type, channels_last);
      const auto [x_gradient, weight_gradient, none] =
          at::convolution_backward(scaled, x_signs, weight_signs, std::nullopt, stride, padding, dilation,
                                   false, {0, 0}, groups, {needs_x, needs_weight, false});
      if (needs_x) results[0] = apply_sign_mask(x_gradient.to(x_type), mask, groups);
      if (needs_weight) results[1] = weight_gradient.to(weight_type);
    }
    if (saved["needs_scale"].toBool()) {
      const at::Tensor sums = xnor_conv2d_words(words, weight_words, in_channels, {}, {}, stride, padding,
                                                dilation, groups, at::kInt, channels_last);
      results[2] = (gradient.to(at::kFloat) * sums).sum({0, 2, 3}).to(saved["scale_type"].toScalarType());
    }
    if (saved["needs_bias"].toBool()) {
      results[3] = gradient.to(at::kFloat).sum({0, 2, 3}).to(saved["bias_type"].toScalarType());
    }
    return results;
  }
};

class PrepackedFunction : public torch::autograd::Function<PrepackedFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x,
                            const at::Tensor& prepacked, int64_t out_channels, at::IntArrayRef kernel_size,
                            const OptionalTensor& scale, const OptionalTensor& bias, at::IntArrayRef stride,
                            at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    return xnor_conv2d_prepacked(x, prepacked, out_channels, kernel_size, scale, bias, stride, padding,
                                 dilation, groups);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 torch::autograd::variable_list) {
    TORCH_CHECK_NOT_IMPLEMENTED(false, "kones::xnor_conv2d_prepacked has no gradient; xnor_conv2d has one");
  }
};

}  // namespace

at::Tensor xnor_conv2d_prepacked_autograd(const at::Tensor& x, const at::Tensor& prepacked,
                                          int64_t out_channels, at::IntArrayRef kernel_size,
                                          const OptionalTensor& scale, const OptionalTensor& bias,
                                          at::IntArrayRef stride, at::IntArrayRef padding,
                                          at::IntArrayRef dilation, int64_t groups) {
  if (is_followed(x) || is_followed(scale) || is_followed(bias)) {
    return PrepackedFunction::apply(x, prepacked, out_channels, kernel_size, scale, bias, stride, padding,
                                    dilation, groups);
  }
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return xnor_conv2d_prepacked(x, prepacked, out_channels, kernel_size, scale, bias, stride, padding,
                               dilation, groups);
}

at::Tensor xnor_conv2d_autograd(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& scale,
                                const OptionalTensor& bias, at::IntArrayRef stride, at::IntArrayRef padding,
                                at::IntArrayRef dilation, int64_t groups) {
  if (is_followed(x) || is_followed(weight) || is_followed(scale) || is_followed(bias))
    return XnorConv2dFunction::apply(x, weight, scale, bias, stride, padding, dilation, groups);
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return xnor_conv2d(x, weight, scale, bias, stride, padding, dilation, groups);
}

at::Tensor xnor_conv2d_words(const at::Tensor& words, const at::Tensor& weight_words, int64_t in_channels,
                             const OptionalTensor& scale, const OptionalTensor& bias, at::IntArrayRef stride,
                             at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups,
                             at::ScalarType type, bool channels_last) {
  static const auto op = operator_named<decltype(xnor_conv2d_words)>("kones::_xnor_conv2d_words");
  return op.call(words, weight_words, in_channels, scale, bias, stride, padding, dilation, groups, type,
                 channels_last);
}

}  // namespace kones::ops
