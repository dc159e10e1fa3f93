#include "kones/torch/ops/xnor_conv2d.h"

#include <utility>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include "kones/kernels/subnormal_numbers.h"
#include "kones/torch/ops/dispatcher.h"
#include "kones/torch/ops/signs.h"
#include "kones/torch/ops/xnor_backend.h"
#include "kones/torch/ops/xnor_gradient.h"
#include "kones/torch/ops/xnor_request.h"
#include "kones/torch/ops/xnor_shape.h"

namespace kones {
namespace ops {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

// xnor_conv2d

at::Tensor xnor_conv2d_kernel(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& scale,
                              const OptionalTensor& bias, at::IntArrayRef stride, at::IntArrayRef padding,
                              at::IntArrayRef dilation, int64_t groups) {
  const char* name = "xnor_conv2d";
  const SymbolicXnorShape shape = check_conv2d(x, weight, scale, bias, {stride, padding, dilation, groups});
  XnorRequest request;
  request.shape = shape.concrete();
  const XnorKernel kernel = kernel_of(request.shape);
  request.scale = parameter(name, "scale", scale, kernel.out_channels, x);
  request.bias = parameter(name, "bias", bias, kernel.out_channels, x);
  request.values = empty_result(shape, x.options(), x.suggest_memory_format());
  if (request.values.numel() > 0) {
    xnor_backend(x).convolve(operand_of(x, groups), prepack_words(pack_weight(weight), kernel, groups),
                             request);
  }
  return request.values;
}

at::Tensor xnor_conv2d_meta(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& scale,
                            const OptionalTensor& bias, at::IntArrayRef stride, at::IntArrayRef padding,
                            at::IntArrayRef dilation, int64_t groups) {
  return empty_result(check_conv2d(x, weight, scale, bias, {stride, padding, dilation, groups}), x.options(),
                      x.suggest_memory_format());
}

// _xnor_conv2d_words and xnor_conv2d_packed

/// Sizes from words [N, H, W, groups * group_words] and weight words [O, kh, kw, group_words].
SymbolicXnorShape check_words_shape(const char* name, const at::Tensor& words, const at::Tensor& weight_words,
                                    int64_t in_channels, const XnorGeometry& geometry) {
  for (const auto& [argument, tensor] :
       {std::pair<const char*, const at::Tensor&>{"x_words", words},
        std::pair<const char*, const at::Tensor&>{"weight_words", weight_words}}) {
    TORCH_CHECK_TYPE(tensor.scalar_type() == at::kLong, "kones::", name, ": ", argument, " is ",
                     tensor.scalar_type(), "; it takes int64");
    TORCH_CHECK_VALUE(tensor.dim() == 4, "kones::", name, ": ", argument, " has ", tensor.dim(),
                      " dimensions; it takes 4");
  }
  const auto weight_size = [&](int64_t d) { return weight_words.sym_size(d).guard_int(__FILE__, __LINE__); };
  const int64_t groups = geometry.groups;
  check_in_channels(name, in_channels, groups);
  const int64_t group_words = (in_channels / groups + 63) / 64;
  TORCH_CHECK_VALUE(words.sym_size(3) == groups * group_words, "kones::", name, ": x_words has ",
                    words.sym_size(3), " words for a pixel; in_channels takes ", groups * group_words);
  TORCH_CHECK_VALUE(weight_size(3) == group_words, "kones::", name, ": weight_words has ", weight_size(3),
                    " words for a tap; in_channels takes ", group_words);
  const XnorKernel kernel = {weight_size(0), in_channels / groups, weight_size(1), weight_size(2)};
  return check_shape(name, kernel, geometry, in_channels, words.sym_size(0), words.sym_size(1),
                     words.sym_size(2));
}

at::Tensor convolve_words(const char* name, const at::Tensor& words, const at::Tensor& weight_words,
                          const SymbolicXnorShape& shape, const OptionalTensor& scale,
                          const OptionalTensor& bias, at::ScalarType type, bool channels_last) {
  check_device(name, "weight_words", weight_words, words);
  XnorRequest request;
  request.shape = shape.concrete();
  request.scale = parameter(name, "scale", scale, request.shape.out_channels, words);
  request.bias = parameter(name, "bias", bias, request.shape.out_channels, words);
  request.values =
      empty_result(shape, words.options().dtype(type),
                   channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
  if (request.values.numel() == 0) return request.values;
  const at::Tensor dense_weight = weight_words.contiguous();
  const XnorOperand operand = {words.contiguous(), {}, true};
  xnor_backend(words).convolve(
      operand, prepack_words(dense_weight, kernel_of(request.shape), request.shape.groups), request);
  return request.values;
}

/// Refuses a type of results that there is not.
void check_result_type(const char* name, at::ScalarType type, bool is_scaled) {
  TORCH_CHECK_TYPE(
      type == at::kFloat || type == at::kHalf || type == at::kBFloat16 || (type == at::kInt && !is_scaled),
      "kones::", name, ": type is ", type,
      "; it takes float32, float16, bfloat16 or, without scale and bias, int32");
}

at::Tensor xnor_conv2d_words_kernel(const at::Tensor& words, const at::Tensor& weight_words,
                                    int64_t in_channels, const OptionalTensor& scale,
                                    const OptionalTensor& bias, at::IntArrayRef stride,
                                    at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups,
                                    at::ScalarType type, bool channels_last) {
  const char* name = "_xnor_conv2d_words";
  const SymbolicXnorShape shape =
      check_words_shape(name, words, weight_words, in_channels, {stride, padding, dilation, groups});
  check_result_type(name, type, scale.has_value() || bias.has_value());
  return convolve_words(name, words, weight_words, shape, scale, bias, type, channels_last);
}

at::Tensor xnor_conv2d_words_meta(const at::Tensor& words, const at::Tensor& weight_words,
                                  int64_t in_channels, const OptionalTensor& scale,
                                  const OptionalTensor& bias, at::IntArrayRef stride, at::IntArrayRef padding,
                                  at::IntArrayRef dilation, int64_t groups, at::ScalarType type,
                                  bool channels_last) {
  const char* name = "_xnor_conv2d_words";
  const SymbolicXnorShape shape =
      check_words_shape(name, words, weight_words, in_channels, {stride, padding, dilation, groups});
  check_result_type(name, type, scale.has_value() || bias.has_value());
  check_device(name, "weight_words", weight_words, words);
  check_parameter(name, "scale", scale, shape.shape.out_channels, words);
  check_parameter(name, "bias", bias, shape.shape.out_channels, words);
  return empty_result(shape, words.options().dtype(type),
                      channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

at::Tensor xnor_conv2d_packed_kernel(const at::Tensor& x_words, const at::Tensor& weight_words,
                                     int64_t in_channels, at::IntArrayRef stride, at::IntArrayRef padding,
                                     at::IntArrayRef dilation) {
  const char* name = "xnor_conv2d_packed";
  const SymbolicXnorShape shape =
      check_words_shape(name, x_words, weight_words, in_channels, {stride, padding, dilation, 1});
  const auto cleaned = [&](const char* argument, const at::Tensor& tensor) {
    const at::Tensor dense = tensor.contiguous();
    const int64_t pixels = dense.size(0) * dense.size(1) * dense.size(2);
    return xnor_backend(dense).clean_words(name, argument, dense,
                                           SignLayout::channels_last(1, pixels, in_channels));
  };
  const at::Tensor words = cleaned("x_words", x_words);
  const at::Tensor dense_weight = cleaned("weight_words", weight_words);
  return convolve_words(name, words, dense_weight, shape, {}, {}, at::kInt, true);
}

at::Tensor xnor_conv2d_packed_meta(const at::Tensor& x_words, const at::Tensor& weight_words,
                                   int64_t in_channels, at::IntArrayRef stride, at::IntArrayRef padding,
                                   at::IntArrayRef dilation) {
  const char* name = "xnor_conv2d_packed";
  const SymbolicXnorShape shape =
      check_words_shape(name, x_words, weight_words, in_channels, {stride, padding, dilation, 1});
  check_device(name, "weight_words", weight_words, x_words);
  return empty_result(shape, x_words.options().dtype(at::kInt), at::MemoryFormat::ChannelsLast);
}

// xnor_linear: rows are the pixels of one picture.

at::Tensor xnor_linear_kernel(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& scale,
                              const OptionalTensor& bias) {
  const char* name = "xnor_linear";
  for (const auto& [argument, tensor] : {std::pair<const char*, const at::Tensor&>{"x", x},
                                         std::pair<const char*, const at::Tensor&>{"weight", weight}}) {
    const at::ScalarType type = tensor.scalar_type();
    TORCH_CHECK_TYPE(type == at::kFloat || type == at::kHalf || type == at::kBFloat16, "kones::", name, ": ",
                     argument, " is ", type, "; it takes float32, float16 or bfloat16");
  }
  TORCH_CHECK_VALUE(x.dim() >= 1, "kones::", name, ": x has no dimension; it takes [..., C]");
  TORCH_CHECK_VALUE(weight.dim() == 2, "kones::", name, ": weight has ", weight.dim(),
                    " dimensions; it takes [O, C]");
  const auto weight_size = [&weight](int64_t d) { return weight.sym_size(d).guard_int(__FILE__, __LINE__); };
  const int64_t outputs = weight_size(0);
  const int64_t inputs = weight_size(1);
  TORCH_CHECK_VALUE(outputs >= 1 && inputs >= 1 && inputs <= xnor_max_products, "kones::", name,
                    ": weight is [", outputs, ", ", inputs, "]; it takes at least one of each, and up to ",
                    xnor_max_products, " inputs");
  TORCH_CHECK_VALUE(x.sym_size(-1) == inputs, "kones::", name, ": x has ", x.sym_size(-1),
                    " features; weight takes ", inputs);
  check_device(name, "weight", weight, x);
  check_parameter(name, "scale", scale, outputs, x);
  check_parameter(name, "bias", bias, outputs, x);

  const at::Tensor rows = x.reshape_symint({-1, inputs});
  std::vector<c10::SymInt> sizes = x.sym_sizes().vec();
  sizes.back() = outputs;
  if (rows.sym_size(0) == 0) {
    // Nothing is multiplied; LibTorch's operators connect the operands to the result.
    at::Tensor y = at::linear(rows, weight.to(x.scalar_type()));
    if (scale && scale->defined()) y = y * scale->to(x.scalar_type());
    if (bias && bias->defined()) y = y + bias->to(x.scalar_type());
    return y.view_symint(sizes);
  }
  const at::Tensor picture = rows.t().unsqueeze(0).unsqueeze(2);
  const at::Tensor kernel = weight.unsqueeze(2).unsqueeze(3);
  const at::Tensor y = xnor_conv2d(picture, kernel, scale, bias);
  return y.squeeze(2).squeeze(0).t().contiguous().view_symint(sizes);
}

void register_kernels(torch::Library& library) {
  library.impl("xnor_conv2d", &xnor_conv2d_kernel);
  library.impl("_xnor_conv2d_words", &xnor_conv2d_words_kernel);
  library.impl("xnor_conv2d_packed", &xnor_conv2d_packed_kernel);
  library.impl("xnor_linear", &xnor_linear_kernel);
}

}  // namespace
}  // namespace ops

at::Tensor xnor_conv2d(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& scale,
                       const std::optional<at::Tensor>& bias, at::IntArrayRef stride, at::IntArrayRef padding,
                       at::IntArrayRef dilation, int64_t groups) {
  static const auto op = ops::operator_named<decltype(ops::xnor_conv2d_kernel)>("kones::xnor_conv2d");
  return op.call(x, weight, scale, bias, stride, padding, dilation, groups);
}

at::Tensor xnor_conv2d_packed(const at::Tensor& x_words, const at::Tensor& weight_words, int64_t in_channels,
                              at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation) {
  static const auto op =
      ops::operator_named<decltype(ops::xnor_conv2d_packed_kernel)>("kones::xnor_conv2d_packed");
  return op.call(x_words, weight_words, in_channels, stride, padding, dilation);
}

at::Tensor xnor_linear(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& scale,
                       const std::optional<at::Tensor>& bias) {
  static const auto op = ops::operator_named<decltype(ops::xnor_linear_kernel)>("kones::xnor_linear");
  return op.call(x, weight, scale, bias);
}

TORCH_LIBRARY_FRAGMENT(kones, library) {
  const auto define = [&library](const std::string& schema) {
    library.def(schema.c_str(), {at::Tag::pt2_compliant_tag});
  };
  const std::string geometry = "int[2] stride=1, int[2] padding=0, int[2] dilation=1";
  define("xnor_conv2d(Tensor x, Tensor weight, Tensor? scale=None, Tensor? bias=None, " + geometry +
         ", int groups=1) -> Tensor");
  define("xnor_conv2d_packed(Tensor x_words, Tensor weight_words, int in_channels, " + geometry +
         ") -> Tensor");
  define("xnor_linear(Tensor x, Tensor weight, Tensor? scale=None, Tensor? bias=None) -> Tensor");
  define(
      "_xnor_conv2d_words(Tensor words, Tensor weight_words, int in_channels, Tensor? scale, Tensor? bias, "
      "int[2] stride, int[2] padding, int[2] dilation, int groups, ScalarType type, bool channels_last) -> "
      "Tensor");
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
  library.impl("xnor_conv2d", &ops::xnor_conv2d_meta);
  library.impl("_xnor_conv2d_words", &ops::xnor_conv2d_words_meta);
  library.impl("xnor_conv2d_packed", &ops::xnor_conv2d_packed_meta);
  library.impl("xnor_linear", &ops::xnor_linear_kernel);
}
TORCH_LIBRARY_IMPL(kones, Autograd, library) {
  library.impl("xnor_conv2d", &ops::xnor_conv2d_autograd);
  library.impl("xnor_linear", &ops::xnor_linear_kernel);
  library.impl("xnor_conv2d_packed", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace kones
