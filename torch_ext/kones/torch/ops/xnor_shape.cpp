#include "kones/torch/ops/xnor_shape.h"

#include <limits>

#include <ATen/ATen.h>

namespace kones::ops {
namespace {

/// The most that a stride, a padding or a dilation may be: sums and products of a few of them stay in 64
/// bits.
constexpr int64_t largest_step = std::numeric_limits<int32_t>::max();

void check_pair(const char* name, const char* argument, at::IntArrayRef values, int64_t least) {
  TORCH_CHECK_VALUE(values.size() == 2, "kones::", name, ": ", argument, " has ", values.size(),
                    " numbers; it takes 2");
  for (const int64_t value : values) {
    TORCH_CHECK_VALUE(value >= least && value <= largest_step, "kones::", name, ": ", argument, " is ",
                      values, "; it takes numbers from ", least, " to ", largest_step);
  }
}

}  // namespace

XnorKernel check_weight(const char* name, const at::Tensor& weight, int64_t groups) {
  check_pictures(name, "weight", weight);
  const auto size = [&weight](int64_t dimension) {
    return weight.sym_size(dimension).guard_int(__FILE__, __LINE__);
  };
  const XnorKernel kernel = {size(0), size(1), size(2), size(3)};
  TORCH_CHECK_VALUE(
      kernel.out_channels > 0 && kernel.group_in_channels > 0 && kernel.height > 0 && kernel.width > 0,
      "kones::", name, ": weight is [", kernel.out_channels, ", ", kernel.group_in_channels, ", ",
      kernel.height, ", ", kernel.width, "]; it takes one that is not empty");
  TORCH_CHECK_VALUE(groups >= 1 && kernel.out_channels % groups == 0, "kones::", name, ": groups is ", groups,
                    "; it takes a divisor of the ", kernel.out_channels, " output channels");
  return kernel;
}

void check_pictures(const char* name, const char* argument, const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kHalf || type == at::kBFloat16, "kones::", name, ": ",
                   argument, " is ", type, "; it takes float32, float16 or bfloat16");
  TORCH_CHECK_VALUE(x.dim() == 4, "kones::", name, ": ", argument, " has ", x.dim(),
                    " dimensions; it takes 4");
}

SymbolicXnorShape check_shape(const char* name, const XnorKernel& kernel, const XnorGeometry& geometry,
                              int64_t in_channels, c10::SymInt batch, c10::SymInt in_height,
                              c10::SymInt in_width) {
  check_pair(name, "stride", geometry.stride, 1);
  check_pair(name, "padding", geometry.padding, 0);
  check_pair(name, "dilation", geometry.dilation, 1);
  TORCH_CHECK_VALUE(kernel.out_channels >= 1 && kernel.out_channels <= xnor_max_channels, "kones::", name,
                    ": there are ", kernel.out_channels, " output channels; it takes 1 to ",
                    xnor_max_channels);
  TORCH_CHECK_VALUE(in_channels >= 1 && in_channels <= xnor_max_channels, "kones::", name, ": x has ",
                    in_channels, " channels; weight and groups take ", kernel.group_in_channels, " times ",
                    geometry.groups, ", from 1 to ", xnor_max_channels);
  TORCH_CHECK_VALUE(kernel.height >= 1 && kernel.width >= 1, "kones::", name, ": the kernel is ",
                    kernel.height, " x ", kernel.width, "; it takes at least 1 x 1");
  TORCH_CHECK_VALUE(geometry.groups >= 1 && kernel.out_channels % geometry.groups == 0, "kones::", name,
                    ": groups is ", geometry.groups, "; it takes a divisor of the ", kernel.out_channels,
                    " output channels");
  TORCH_CHECK_VALUE(
      in_channels % geometry.groups == 0 && in_channels / geometry.groups == kernel.group_in_channels,
      "kones::", name, ": x has ", in_channels, " channels; weight and groups take ",
      kernel.group_in_channels, " times ", geometry.groups);
  // Each factor is checked before it is multiplied: neither product leaves 64 bits.
  TORCH_CHECK_VALUE(kernel.height <= xnor_max_products && kernel.width <= xnor_max_products / kernel.height &&
                        kernel.group_in_channels <= xnor_max_products / (kernel.height * kernel.width),
                    "kones::", name, ": a sum of ", kernel.group_in_channels, " x ", kernel.height, " x ",
                    kernel.width, " products overflows; it takes 1 to ", xnor_max_products, " of them");
  const int64_t products = kernel.group_in_channels * kernel.height * kernel.width;
  TORCH_CHECK_VALUE(kernel.out_channels <= xnor_max_weight_elements / products, "kones::", name,
                    ": a weight of ", kernel.out_channels, " x ", products,
                    " elements is too large; it takes up to ", xnor_max_weight_elements);
  SymbolicXnorShape result;
  XnorShape& shape = result.shape;
  shape.in_channels = in_channels;
  shape.out_channels = kernel.out_channels;
  shape.kernel_height = kernel.height;
  shape.kernel_width = kernel.width;
  shape.stride_height = geometry.stride[0];
  shape.stride_width = geometry.stride[1];
  shape.padding_height = geometry.padding[0];
  shape.padding_width = geometry.padding[1];
  shape.dilation_height = geometry.dilation[0];
  shape.dilation_width = geometry.dilation[1];
  shape.groups = geometry.groups;
  const int64_t reach_height = shape.dilation_height * (shape.kernel_height - 1) + 1;
  const int64_t reach_width = shape.dilation_width * (shape.kernel_width - 1) + 1;
  const c10::SymInt room_height = in_height + 2 * shape.padding_height - reach_height;
  const c10::SymInt room_width = in_width + 2 * shape.padding_width - reach_width;
  TORCH_CHECK_VALUE(in_height.sym_ge(1).guard_bool(__FILE__, __LINE__) &&
                        in_width.sym_ge(1).guard_bool(__FILE__, __LINE__) &&
                        room_height.sym_ge(0).guard_bool(__FILE__, __LINE__) &&
                        room_width.sym_ge(0).guard_bool(__FILE__, __LINE__),
                    "kones::", name, ": x is ", in_height, " x ", in_width, " with padding ",
                    geometry.padding, "; it takes at least the ", reach_height, " x ", reach_width,
                    " that the kernel reaches over");
  result.out_height = room_height / shape.stride_height + 1;
  result.out_width = room_width / shape.stride_width + 1;
  result.batch = std::move(batch);
  result.in_height = std::move(in_height);
  result.in_width = std::move(in_width);
  return result;
}

SymbolicXnorShape check_conv2d(const at::Tensor& x, const at::Tensor& weight,
                               const std::optional<at::Tensor>& scale, const std::optional<at::Tensor>& bias,
                               const XnorGeometry& geometry) {
  const char* name = "xnor_conv2d";
  check_pictures(name, "x", x);
  const XnorKernel kernel = check_weight(name, weight, geometry.groups);
  const SymbolicXnorShape shape =
      check_shape(name, kernel, geometry, x.sym_size(1).guard_int(__FILE__, __LINE__), x.sym_size(0),
                  x.sym_size(2), x.sym_size(3));
  check_device(name, "weight", weight, x);
  check_parameter(name, "scale", scale, kernel.out_channels, x);
  check_parameter(name, "bias", bias, kernel.out_channels, x);
  return shape;
}

void check_parameter(const char* name, const char* argument, const std::optional<at::Tensor>& given,
                     int64_t outputs, const at::Tensor& x) {
  if (!given || !given->defined()) return;
  const at::ScalarType type = given->scalar_type();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kHalf || type == at::kBFloat16, "kones::", name, ": ",
                   argument, " is ", type, "; it takes float32, float16 or bfloat16");
  TORCH_CHECK_VALUE(given->dim() == 1 && given->sym_size(0) == outputs, "kones::", name, ": ", argument,
                    " is ", given->sym_sizes(), "; it takes one number for each of the ", outputs,
                    " outputs");
  check_device(name, argument, *given, x);
}

void check_in_channels(const char* name, int64_t in_channels, int64_t groups) {
  TORCH_CHECK_VALUE(groups >= 1, "kones::", name, ": groups is ", groups, "; it takes 1 or more");
  TORCH_CHECK_VALUE(in_channels >= 1 && in_channels <= xnor_max_channels && in_channels % groups == 0,
                    "kones::", name, ": in_channels is ", in_channels, "; it takes a multiple of groups, ",
                    groups, ", from 1 to ", xnor_max_channels);
}

void check_device(const char* name, const char* argument, const at::Tensor& tensor, const at::Tensor& x) {
  TORCH_CHECK_VALUE(tensor.device() == x.device(), "kones::", name, ": ", argument, " is on ",
                    tensor.device(), "; it takes the device of x, ", x.device());
}

XnorShape SymbolicXnorShape::concrete() const {
  XnorShape known = shape;
  known.batch = batch.guard_int(__FILE__, __LINE__);
  known.in_height = in_height.guard_int(__FILE__, __LINE__);
  known.in_width = in_width.guard_int(__FILE__, __LINE__);
  return known;
}

}  // namespace kones::ops
