// xnor_prepack and the operators that take its results.
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include "kones/kernels/subnormal_numbers.h"
#include "kones/torch/ops/dispatcher.h"
#include "kones/torch/ops/xnor_conv2d.h"
#include "kones/torch/ops/xnor_gradient.h"
#include "kones/torch/ops/xnor_request.h"
#include "kones/torch/ops/xnor_shape.h"

namespace kones {
namespace ops {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

at::Tensor empty_sign_words(const SymbolicXnorShape& shape, const at::TensorOptions& options) {
  return at::empty_symint(
      {shape.batch, shape.out_height, shape.out_width, (shape.shape.out_channels + 63) / 64},
      options.dtype(at::kLong).memory_format(std::nullopt));
}

at::Tensor xnor_prepack_kernel(const at::Tensor& weight, int64_t groups) {
  const XnorKernel kernel = check_weight("xnor_prepack", weight, groups);
  // Refuses sums that overflow.
  check_shape("xnor_prepack", kernel, {{1, 1}, {0, 0}, {1, 1}, groups}, kernel.group_in_channels * groups, 1,
              kernel.height, kernel.width);
  return prepack_words(pack_weight(weight), kernel, groups);
}

at::Tensor xnor_prepack_meta(const at::Tensor& weight, int64_t groups) {
  const XnorKernel kernel = check_weight("xnor_prepack", weight, groups);
  const SymbolicXnorShape shape =
      check_shape("xnor_prepack", kernel, {{1, 1}, {0, 0}, {1, 1}, groups}, kernel.group_in_channels * groups,
                  1, kernel.height, kernel.width);
  const int64_t bytes = shape.concrete().prepacked_bytes();
  return at::empty({bytes}, weight.options().dtype(at::kByte).memory_format(std::nullopt));
}

/// The sizes of a convolution with a prepacked weight, of numbers [N, C, H, W] or words [N, H, W, words].
SymbolicXnorShape check_prepacked_shape(const char* name, const at::Tensor& x, int64_t in_channels,
                                        const at::Tensor& prepacked, int64_t out_channels,
                                        at::IntArrayRef kernel_size, const XnorGeometry& geometry) {
  TORCH_CHECK_VALUE(kernel_size.size() == 2, "kones::", name, ": kernel_size has ", kernel_size.size(),
                    " numbers; it takes 2");
  TORCH_CHECK_TYPE(prepacked.scalar_type() == at::kByte, "kones::", name, ": prepacked is ",
                   prepacked.scalar_type(), "; it takes the uint8 that xnor_prepack makes");
  TORCH_CHECK_VALUE(prepacked.dim() == 1 && prepacked.is_contiguous(), "kones::", name,
                    ": prepacked is not as xnor_prepack made it; it takes one dimension, contiguous");
  check_device(name, "prepacked", prepacked, x);
  TORCH_CHECK_VALUE(geometry.groups >= 1, "kones::", name, ": groups is ", geometry.groups,
                    "; it takes 1 or more");
  const XnorKernel kernel = {out_channels, in_channels / geometry.groups, kernel_size[0], kernel_size[1]};
  if (x.scalar_type() != at::kLong) {
    check_pictures(name, "x", x);
    return check_shape(name, kernel, geometry, x.sym_size(1).guard_int(__FILE__, __LINE__), x.sym_size(0),
                       x.sym_size(2), x.sym_size(3));
  }
  check_in_channels(name, in_channels, geometry.groups);
  TORCH_CHECK_VALUE(x.dim() == 4, "kones::", name, ": x has ", x.dim(), " dimensions; it takes 4");
  TORCH_CHECK_VALUE(geometry.groups == 1 || in_channels / geometry.groups % 64 == 0, "kones::", name,
                    ": x is words and a group has ", in_channels / geometry.groups,
                    " channels; in several groups it takes a multiple of 64");
  TORCH_CHECK_VALUE(x.sym_size(3) == (in_channels + 63) / 64, "kones::", name, ": x has ", x.sym_size(3),
                    " words for a pixel; in_channels takes ", (in_channels + 63) / 64);
  return check_shape(name, kernel, geometry, in_channels, x.sym_size(0), x.sym_size(1), x.sym_size(2));
}

/// At an address that the kernels' wide loads take.
at::Tensor aligned(const at::Tensor& prepacked) {
  return reinterpret_cast<uintptr_t>(prepacked.const_data_ptr()) % 16 == 0 ? prepacked : prepacked.clone();
}

/// The sizes with the symbols' values, before any memory is taken for a prepacked weight that does not fit
/// them.
XnorShape concrete_for(const char* name, const SymbolicXnorShape& symbolic, const at::Tensor& prepacked) {
  const XnorShape shape = symbolic.concrete();
  xnor_backend(prepacked).check_prepacked(name, prepacked, shape);
  return shape;
}

void convolve_prepacked(const char* name, const at::Tensor& x, const at::Tensor& prepacked,
                        const XnorRequest& request) {
  if (request.shape.batch == 0) return;
  const XnorBackend& backend = xnor_backend(x);
  if (x.scalar_type() != at::kLong)
    return backend.convolve(operand_of(x, request.shape.groups), aligned(prepacked), request);
  const int64_t pixels = request.shape.batch * request.shape.in_height * request.shape.in_width;
  const at::Tensor words = backend.clean_words(
      name, "x", x.contiguous(), SignLayout::channels_last(1, pixels, request.shape.in_channels));
  backend.convolve({words, {}, true}, aligned(prepacked), request);
}

at::Tensor xnor_conv2d_prepacked_kernel(const at::Tensor& x, const at::Tensor& prepacked,
                                        int64_t out_channels, at::IntArrayRef kernel_size,
                                        const OptionalTensor& scale, const OptionalTensor& bias,
                                        at::IntArrayRef stride, at::IntArrayRef padding,
                                        at::IntArrayRef dilation, int64_t groups) {
  const char* name = "xnor_conv2d_prepacked";
  check_pictures(name, "x", x);
  const SymbolicXnorShape shape = check_prepacked_shape(name, x, x.size(1), prepacked, out_channels,
                                                        kernel_size, {stride, padding, dilation, groups});
  XnorRequest request;
  request.shape = concrete_for(name, shape, prepacked);
  request.scale = parameter(name, "scale", scale, out_channels, x);
  request.bias = parameter(name, "bias", bias, out_channels, x);
  request.values = empty_result(shape, x.options(), x.suggest_memory_format());
  convolve_prepacked(name, x, prepacked, request);
  return request.values;
}

at::Tensor xnor_conv2d_prepacked_meta(const at::Tensor& x, const at::Tensor& prepacked, int64_t out_channels,
                                      at::IntArrayRef kernel_size, const OptionalTensor& scale,
                                      const OptionalTensor& bias, at::IntArrayRef stride,
                                      at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups) {
  const char* name = "xnor_conv2d_prepacked";
  check_pictures(name, "x", x);
  const SymbolicXnorShape shape =
      check_prepacked_shape(name, x, x.sym_size(1).guard_int(__FILE__, __LINE__), prepacked, out_channels,
                            kernel_size, {stride, padding, dilation, groups});
  check_parameter(name, "scale", scale, out_channels, x);
  check_parameter(name, "bias", bias, out_channels, x);
  return empty_result(shape, x.options(), x.suggest_memory_format());
}

XnorActivation activation_named(const char* name, std::string_view activation, bool has_slope) {
  TORCH_CHECK_VALUE(activation == "none" || activation == "relu" || activation == "prelu", "kones::", name,
                    ": activation is \"", activation, "\"; it takes one of none, relu, prelu");
  TORCH_CHECK_VALUE(has_slope == (activation == "prelu"), "kones::", name,
                    has_slope ? ": slope is given; it takes one with the activation prelu alone"
                              : ": slope is missing; the activation prelu takes one");
  if (activation == "relu") return XnorActivation::relu;
  return activation == "prelu" ? XnorActivation::prelu : XnorActivation::none;
}

/// The request of xnor_conv2d_fused; its results have no memory where `allocate` is false.
XnorRequest fused_request(const at::Tensor& x, const at::Tensor& prepacked, int64_t in_channels,
                          int64_t out_channels, at::IntArrayRef kernel_size, const OptionalTensor& scale,
                          const OptionalTensor& bias, const OptionalTensor& residual,
                          std::string_view activation, const OptionalTensor& slope,
                          const OptionalTensor& shift, const OptionalTensor& sign_threshold,
                          const XnorGeometry& geometry, bool is_meta) {
  const char* name = "xnor_conv2d_fused";
  const SymbolicXnorShape shape =
      check_prepacked_shape(name, x, in_channels, prepacked, out_channels, kernel_size, geometry);
  XnorRequest request;
  if (!is_meta) request.shape = concrete_for(name, shape, prepacked);
  request.scale = parameter(name, "scale", scale, out_channels, x);
  request.bias = parameter(name, "bias", bias, out_channels, x);
  request.activation = activation_named(name, activation, slope.has_value() && slope->defined());
  request.slope = parameter(name, "slope", slope, out_channels, x);
  request.shift = parameter(name, "shift", shift, out_channels, x);
  request.sign_threshold = parameter(name, "sign_threshold", sign_threshold, out_channels, x);
  const bool is_words = x.scalar_type() == at::kLong;
  const at::MemoryFormat format = is_words ? at::MemoryFormat::ChannelsLast : x.suggest_memory_format();
  request.values = empty_result(shape, is_words ? x.options().dtype(at::kFloat) : x.options(), format);
  request.words = empty_sign_words(shape, x.options());
  if (residual && residual->defined()) {
    TORCH_CHECK_TYPE(residual->scalar_type() == request.values.scalar_type(), "kones::", name,
                     ": residual is ", residual->scalar_type(), "; it takes the result's type, ",
                     request.values.scalar_type());
    TORCH_CHECK_VALUE(residual->sym_sizes() == request.values.sym_sizes(), "kones::", name, ": residual is ",
                      residual->sym_sizes(), "; it takes the result's sizes, ", request.values.sym_sizes());
    check_device(name, "residual", *residual, x);
    if (!is_meta) {
      // The kernels read it with the result's strides, which sizes of 1 may have others of.
      const bool laid_out_alike = residual->strides() == request.values.strides();
      request.residual = laid_out_alike ? *residual : at::empty_like(request.values).copy_(*residual);
    }
  }
  return request;
}

std::tuple<at::Tensor, at::Tensor> xnor_conv2d_fused_kernel(
    const at::Tensor& x, const at::Tensor& prepacked, int64_t in_channels, int64_t out_channels,
    at::IntArrayRef kernel_size, const OptionalTensor& scale, const OptionalTensor& bias,
    const OptionalTensor& residual, std::string_view activation, const OptionalTensor& slope,
    const OptionalTensor& shift, const OptionalTensor& sign_threshold, at::IntArrayRef stride,
    at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups) {
  const XnorRequest request =
      fused_request(x, prepacked, in_channels, out_channels, kernel_size, scale, bias, residual, activation,
                    slope, shift, sign_threshold, {stride, padding, dilation, groups}, false);
  convolve_prepacked("xnor_conv2d_fused", x, prepacked, request);
  return {request.values, request.words};
}

std::tuple<at::Tensor, at::Tensor> xnor_conv2d_fused_meta(
    const at::Tensor& x, const at::Tensor& prepacked, int64_t in_channels, int64_t out_channels,
    at::IntArrayRef kernel_size, const OptionalTensor& scale, const OptionalTensor& bias,
    const OptionalTensor& residual, std::string_view activation, const OptionalTensor& slope,
    const OptionalTensor& shift, const OptionalTensor& sign_threshold, at::IntArrayRef stride,
    at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups) {
  const XnorRequest request =
      fused_request(x, prepacked, in_channels, out_channels, kernel_size, scale, bias, residual, activation,
                    slope, shift, sign_threshold, {stride, padding, dilation, groups}, true);
  return {request.values, request.words};
}

SymbolicXnorShape check_signs(const at::Tensor& x, const at::Tensor& prepacked, int64_t in_channels,
                              int64_t out_channels, at::IntArrayRef kernel_size, const at::Tensor& threshold,
                              const OptionalTensor& flipped, const XnorGeometry& geometry) {
  const char* name = "xnor_conv2d_signs";
  const SymbolicXnorShape shape =
      check_prepacked_shape(name, x, in_channels, prepacked, out_channels, kernel_size, geometry);
  const auto check_parameter = [&](const char* argument, const at::Tensor& tensor, at::ScalarType type) {
    TORCH_CHECK_TYPE(tensor.scalar_type() == type, "kones::", name, ": ", argument, " is ",
                     tensor.scalar_type(), "; it takes ", type);
    TORCH_CHECK_VALUE(tensor.dim() == 1 && tensor.sym_size(0) == out_channels, "kones::", name, ": ",
                      argument, " is ", tensor.sym_sizes(), "; it takes one for each of the ", out_channels,
                      " outputs");
    check_device(name, argument, tensor, x);
  };
  check_parameter("threshold", threshold, at::kInt);
  if (flipped && flipped->defined()) check_parameter("flipped", *flipped, at::kBool);
  return shape;
}

at::Tensor xnor_conv2d_signs_kernel(const at::Tensor& x, const at::Tensor& prepacked, int64_t in_channels,
                                    int64_t out_channels, at::IntArrayRef kernel_size,
                                    const at::Tensor& threshold, const OptionalTensor& flipped,
                                    at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                                    int64_t groups) {
  const SymbolicXnorShape shape = check_signs(x, prepacked, in_channels, out_channels, kernel_size, threshold,
                                              flipped, {stride, padding, dilation, groups});
  XnorRequest request;
  request.shape = concrete_for("xnor_conv2d_signs", shape, prepacked);
  request.words = empty_sign_words(shape, x.options());
  request.threshold = threshold.contiguous();
  if (flipped && flipped->defined()) request.flipped = flipped->to(at::kByte).contiguous();
  convolve_prepacked("xnor_conv2d_signs", x, prepacked, request);
  return request.words;
}

at::Tensor xnor_conv2d_signs_meta(const at::Tensor& x, const at::Tensor& prepacked, int64_t in_channels,
                                  int64_t out_channels, at::IntArrayRef kernel_size,
                                  const at::Tensor& threshold, const OptionalTensor& flipped,
                                  at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                                  int64_t groups) {
  const SymbolicXnorShape shape = check_signs(x, prepacked, in_channels, out_channels, kernel_size, threshold,
                                              flipped, {stride, padding, dilation, groups});
  return empty_sign_words(shape, x.options());
}

void check_thresholds(const at::Tensor& scale, const at::Tensor& bias, int64_t products) {
  const char* name = "xnor_sign_thresholds";
  TORCH_CHECK_TYPE(scale.scalar_type() == at::kFloat && bias.scalar_type() == at::kFloat, "kones::", name,
                   ": scale is ", scale.scalar_type(), " and bias ", bias.scalar_type(),
                   "; it takes float32");
  TORCH_CHECK_VALUE(scale.dim() == 1 && bias.sym_sizes() == scale.sym_sizes(), "kones::", name, ": scale is ",
                    scale.sym_sizes(), " and bias ", bias.sym_sizes(),
                    "; it takes one number of each an output");
  check_device(name, "bias", bias, scale);
  TORCH_CHECK_VALUE(products >= 1 && products < xnor_max_products, "kones::", name, ": products is ",
                    products, "; it takes 1 to ", xnor_max_products - 1);
}

std::tuple<at::Tensor, at::Tensor> xnor_sign_thresholds_kernel(const at::Tensor& scale,
                                                               const at::Tensor& bias, int64_t products) {
  check_thresholds(scale, bias, products);
  const at::Tensor scales = scale.cpu().contiguous();
  const at::Tensor biases = bias.cpu().contiguous();
  at::Tensor threshold = at::empty(scale.sizes(), scales.options().dtype(at::kInt));
  at::Tensor flipped = at::empty(scale.sizes(), scales.options().dtype(at::kBool));
  const kernels::SubnormalNumbers scope;
  for (int64_t o = 0; o < scale.numel(); ++o) {
    const float factor = scales.const_data_ptr<float>()[o];
    const float addend = biases.const_data_ptr<float>()[o] + 0.0f;
    const bool falls = factor < 0.0f;
    const auto is_negative = [&](int64_t sum) {
      return xnor_scaled_sum(static_cast<int32_t>(sum), factor, addend) < 0.0f;
    };
    // The smallest sum whose sign is that of large sums. Rounding keeps order, so that there is one change at
    // most.
    int64_t low = -products;
    int64_t high = products + 1;
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (is_negative(middle) == falls) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    threshold.mutable_data_ptr<int32_t>()[o] = static_cast<int32_t>(low);
    flipped.mutable_data_ptr<bool>()[o] = falls;
  }
  return {threshold.to(scale.device()), flipped.to(scale.device())};
}

std::tuple<at::Tensor, at::Tensor> xnor_sign_thresholds_meta(const at::Tensor& scale, const at::Tensor& bias,
                                                             int64_t products) {
  check_thresholds(scale, bias, products);
  return {at::empty_like(scale, scale.options().dtype(at::kInt)),
          at::empty_like(scale, scale.options().dtype(at::kBool))};
}

void register_kernels(torch::Library& library) {
  library.impl("xnor_prepack", &xnor_prepack_kernel);
  library.impl("xnor_conv2d_prepacked", &xnor_conv2d_prepacked_kernel);
  library.impl("xnor_conv2d_fused", &xnor_conv2d_fused_kernel);
  library.impl("xnor_conv2d_signs", &xnor_conv2d_signs_kernel);
  library.impl("xnor_sign_thresholds", &xnor_sign_thresholds_kernel);
}

}  // namespace
}  // namespace ops

at::Tensor xnor_prepack(const at::Tensor& weight, int64_t groups) {
  static const auto op = ops::operator_named<decltype(ops::xnor_prepack_kernel)>("kones::xnor_prepack");
  return op.call(weight, groups);
}

at::Tensor xnor_conv2d_prepacked(const at::Tensor& x, const at::Tensor& prepacked, int64_t out_channels,
                                 at::IntArrayRef kernel_size, const std::optional<at::Tensor>& scale,
                                 const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                                 at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups) {
  static const auto op =
      ops::operator_named<decltype(ops::xnor_conv2d_prepacked_kernel)>("kones::xnor_conv2d_prepacked");
  return op.call(x, prepacked, out_channels, kernel_size, scale, bias, stride, padding, dilation, groups);
}

std::tuple<at::Tensor, at::Tensor> xnor_conv2d_fused(const at::Tensor& x, const at::Tensor& prepacked,
                                                     int64_t in_channels, int64_t out_channels,
                                                     at::IntArrayRef kernel_size,
                                                     const XnorConv2dEpilogue& epilogue,
                                                     at::IntArrayRef stride, at::IntArrayRef padding,
                                                     at::IntArrayRef dilation, int64_t groups) {
  static const auto op =
      ops::operator_named<decltype(ops::xnor_conv2d_fused_kernel)>("kones::xnor_conv2d_fused");
  return op.call(x, prepacked, in_channels, out_channels, kernel_size, epilogue.scale, epilogue.bias,
                 epilogue.residual, epilogue.activation, epilogue.slope, epilogue.shift,
                 epilogue.sign_threshold, stride, padding, dilation, groups);
}

at::Tensor xnor_conv2d_signs(const at::Tensor& x, const at::Tensor& prepacked, int64_t in_channels,
                             int64_t out_channels, at::IntArrayRef kernel_size, const at::Tensor& threshold,
                             const std::optional<at::Tensor>& flipped, at::IntArrayRef stride,
                             at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups) {
  static const auto op =
      ops::operator_named<decltype(ops::xnor_conv2d_signs_kernel)>("kones::xnor_conv2d_signs");
  return op.call(x, prepacked, in_channels, out_channels, kernel_size, threshold, flipped, stride, padding,
                 dilation, groups);
}

std::tuple<at::Tensor, at::Tensor> xnor_sign_thresholds(const at::Tensor& scale, const at::Tensor& bias,
                                                        int64_t products) {
  static const auto op =
      ops::operator_named<decltype(ops::xnor_sign_thresholds_kernel)>("kones::xnor_sign_thresholds");
  return op.call(scale, bias, products);
}

TORCH_LIBRARY_FRAGMENT(kones, library) {
  const auto define = [&library](const std::string& schema) {
    library.def(schema.c_str(), {at::Tag::pt2_compliant_tag});
  };
  const std::string geometry = "int[2] stride=1, int[2] padding=0, int[2] dilation=1, int groups=1";
  const std::string scaling = "Tensor? scale=None, Tensor? bias=None, ";
  const std::string prepacked =
      "Tensor x, Tensor prepacked, int in_channels, int out_channels, int[2] kernel_size, ";
  define("xnor_prepack(Tensor weight, int groups=1) -> Tensor");
  define("xnor_conv2d_prepacked(Tensor x, Tensor prepacked, int out_channels, int[2] kernel_size, " +
         scaling + geometry + ") -> Tensor");
  define("xnor_conv2d_fused(" + prepacked + scaling +
         "Tensor? residual=None, str activation=\"none\", Tensor? slope=None, Tensor? shift=None, "
         "Tensor? sign_threshold=None, " +
         geometry + ") -> (Tensor, Tensor)");
  define("xnor_conv2d_signs(" + prepacked + "Tensor threshold, Tensor? flipped=None, " + geometry +
         ") -> Tensor");
  define("xnor_sign_thresholds(Tensor scale, Tensor bias, int products) -> (Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(kones, CPU, library) {
  ops::register_kernels(library);
}
#if defined(KONES_WITH_CUDA)
TORCH_LIBRARY_IMPL(kones, CUDA, library) {
  ops::register_kernels(library);
}
#endif
TORCH_LIBRARY_IMPL(kones, Meta, library) {
  library.impl("xnor_prepack", &ops::xnor_prepack_meta);
  library.impl("xnor_conv2d_prepacked", &ops::xnor_conv2d_prepacked_meta);
  library.impl("xnor_conv2d_fused", &ops::xnor_conv2d_fused_meta);
  library.impl("xnor_conv2d_signs", &ops::xnor_conv2d_signs_meta);
  library.impl("xnor_sign_thresholds", &ops::xnor_sign_thresholds_meta);
}
TORCH_LIBRARY_IMPL(kones, Autograd, library) {
  library.impl("xnor_conv2d_prepacked", &ops::xnor_conv2d_prepacked_autograd);
  for (const char* without_gradient :
       {"xnor_prepack", "xnor_conv2d_fused", "xnor_conv2d_signs", "xnor_sign_thresholds"}) {
    library.impl(without_gradient, torch::autograd::autogradNotImplementedFallback());
  }
}

}  // namespace kones
