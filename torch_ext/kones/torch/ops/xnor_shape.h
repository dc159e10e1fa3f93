// The sizes of a convolution of signs, from its arguments, checked. Each check throws c10::Error that names
// the operator, the argument, what it got and what it takes.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>

#include "kones/numeric/xnor_conv2d.h"

namespace kones::ops {

/// How a kernel moves over its input.
struct XnorGeometry {
  at::IntArrayRef stride;
  at::IntArrayRef padding;
  at::IntArrayRef dilation;
  int64_t groups = 1;
};

/// What a weight [out_channels, in_channels / groups, kernel_height, kernel_width] says, or arguments in its
/// place.
struct XnorKernel {
  int64_t out_channels;
  int64_t group_in_channels;
  int64_t height;
  int64_t width;
};

/// The sizes of a weight that is a tensor of numbers. Refuses other types and dimensions, and empty ones.
XnorKernel check_weight(const char* name, const at::Tensor& weight, int64_t groups);

/// Sizes of which the batch and the height and width of the pictures may be symbols.
struct SymbolicXnorShape {
  XnorShape shape;  ///< but for what the symbols stand for
  c10::SymInt batch;
  c10::SymInt in_height;
  c10::SymInt in_width;
  c10::SymInt out_height;
  c10::SymInt out_width;

  /// With the symbols' values.
  XnorShape concrete() const;
};

/// `in_channels` are those of the input.
SymbolicXnorShape check_shape(const char* name, const XnorKernel& kernel, const XnorGeometry& geometry,
                              int64_t in_channels, c10::SymInt batch, c10::SymInt in_height,
                              c10::SymInt in_width);

/// The most channels that there may be, of either kind: products of sizes then stay in 64 bits.
inline constexpr int64_t xnor_max_channels = INT32_MAX;
/// The most elements that a weight may have.
inline constexpr int64_t xnor_max_weight_elements = int64_t{1} << 46;

/// The arguments of xnor_conv2d, all of them.
SymbolicXnorShape check_conv2d(const at::Tensor& x, const at::Tensor& weight,
                               const std::optional<at::Tensor>& scale, const std::optional<at::Tensor>& bias,
                               const XnorGeometry& geometry);

/// Refuses a parameter of an epilogue that is given and is no [outputs] of float32, float16 or bfloat16 on
/// x's device.
void check_parameter(const char* name, const char* argument, const std::optional<at::Tensor>& given,
                     int64_t outputs, const at::Tensor& x);

/// Refuses an argument in_channels that is no multiple of groups, or too large.
void check_in_channels(const char* name, int64_t in_channels, int64_t groups);

/// Refuses a tensor on another device than x.
void check_device(const char* name, const char* argument, const at::Tensor& tensor, const at::Tensor& x);

/// Refuses a convolution's operand that is no [N, C, H, W] of float32, float16 or bfloat16.
void check_pictures(const char* name, const char* argument, const at::Tensor& x);

}  // namespace kones::ops
