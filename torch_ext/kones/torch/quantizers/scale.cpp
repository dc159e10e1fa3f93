#include "kones/torch/quantizers/scale.h"

#include <vector>

#include <ATen/ATen.h>

#include "kones/torch/quantizers/arguments.h"

namespace kones::quantizers {
namespace {

/// The dimension counted from the first.
int64_t channel_index(const char* quantizer, const at::Tensor& x, int64_t dimension) {
  TORCH_CHECK_VALUE(dimension >= -x.dim() && dimension < x.dim(), quantizer, ": the channel dimension is ",
                    dimension, "; a tensor of ", x.dim(), " dimensions takes ", -x.dim(), " to ",
                    x.dim() - 1);
  return dimension < 0 ? dimension + x.dim() : dimension;
}

/// All dimensions of x but the channels'.
std::vector<int64_t> summed_dimensions(const at::Tensor& x, int64_t channel) {
  std::vector<int64_t> dimensions;
  for (int64_t d = 0; d < x.dim(); ++d) {
    if (d != channel) dimensions.push_back(d);
  }
  return dimensions;
}

}  // namespace

int64_t group_size(const at::Tensor& x, ChannelDimension channels) {
  if (!channels) return x.numel();
  int64_t size = 1;
  for (const int64_t d : summed_dimensions(x, channel_index("group_sum", x, *channels))) size *= x.size(d);
  return size;
}

at::Tensor group_sum(const at::Tensor& x, ChannelDimension channels) {
  if (!channels) return at::sum(x, at::kDouble);
  const std::vector<int64_t> dimensions = summed_dimensions(x, channel_index("group_sum", x, *channels));
  // ATen takes a sum over no dimension as one over all.
  if (dimensions.empty()) return x.to(at::kDouble);
  return at::sum(x, dimensions, false, at::kDouble);
}

at::Tensor divide(const at::Tensor& x, double divisor) {
  return x / at::full({}, divisor, x.options());
}

at::Tensor mean_abs(const at::Tensor& x, ChannelDimension channels) {
  check_operand("mean_abs", "x", x);
  const at::Tensor sum = group_sum(x.detach().abs(), channels);
  return sum.div(static_cast<double>(std::max<int64_t>(group_size(x, channels), 1))).to(at::kFloat);
}

at::Tensor max_abs(const at::Tensor& x, ChannelDimension channels) {
  check_operand("max_abs", "x", x);
  const at::Tensor values = x.detach();
  if (group_size(x, channels) == 0) return at::zeros_like(group_sum(values, channels), at::kFloat);
  if (!channels) return at::maximum(values.amax(), values.amin().neg()).abs().to(at::kFloat);
  const std::vector<int64_t> dimensions = summed_dimensions(x, channel_index("max_abs", x, *channels));
  if (dimensions.empty()) return values.abs().to(at::kFloat);
  return at::maximum(values.amax(dimensions), values.amin(dimensions).neg()).abs().to(at::kFloat);
}

at::Tensor spread(const char* quantizer, const char* argument, const at::Tensor& scale, const at::Tensor& x,
                  ChannelDimension channels) {
  if (!channels) {
    TORCH_CHECK_VALUE(scale.numel() == 1, quantizer, ": ", argument, " is of shape ", scale.sizes(),
                      "; a scale for the whole tensor takes one element");
    return scale.reshape({});
  }
  const int64_t channel = channel_index(quantizer, x, *channels);
  TORCH_CHECK_VALUE(scale.sizes() == at::IntArrayRef({x.size(channel)}), quantizer, ": ", argument,
                    " is of shape ", scale.sizes(), "; scales for the channels of dimension ", channel,
                    " take [", x.size(channel), "]");
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[static_cast<size_t>(channel)] = x.size(channel);
  return scale.view(shape);
}

}  // namespace kones::quantizers
