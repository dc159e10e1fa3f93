#include "kones/torch/ops/xnor_request.h"

#include <utility>

#include <ATen/ATen.h>

#include "kones/torch/ops/signs.h"

namespace kones::ops {

at::Tensor parameter(const char* name, const char* argument, const std::optional<at::Tensor>& given,
                     int64_t outputs, const at::Tensor& x) {
  check_parameter(name, argument, given, outputs, x);
  return given && given->defined() ? given->to(at::kFloat).contiguous() : at::Tensor();
}

at::Tensor empty_result(const SymbolicXnorShape& shape, const at::TensorOptions& options,
                        at::MemoryFormat format) {
  return at::empty_symint({shape.batch, shape.shape.out_channels, shape.out_height, shape.out_width},
                          options.memory_format(format));
}

XnorKernel kernel_of(const XnorShape& shape) {
  return {shape.out_channels, shape.group_in_channels(), shape.kernel_height, shape.kernel_width};
}

at::Tensor prepack_words(const at::Tensor& weight_words, const XnorKernel& kernel, int64_t groups) {
  XnorShape shape;
  shape.in_channels = kernel.group_in_channels * groups;
  shape.out_channels = kernel.out_channels;
  shape.kernel_height = kernel.height;
  shape.kernel_width = kernel.width;
  shape.groups = groups;
  at::Tensor prepacked = at::empty({shape.prepacked_bytes()}, weight_words.options().dtype(at::kByte));
  xnor_backend(weight_words).prepack(weight_words, shape, prepacked);
  return prepacked;
}

at::Tensor pack_weight(const at::Tensor& weight) {
  const auto [numbers, layout] = with_sign_layout(weight);
  at::Tensor words = at::empty({layout.words()}, weight.options().dtype(at::kLong));
  xnor_backend(weight).pack_signs(numbers, layout, words, {});
  return words;
}

XnorOperand operand_of(const at::Tensor& x, int64_t groups) {
  auto [numbers, layout] = with_sign_layout(x, groups);
  return {std::move(numbers), layout, false};
}

}  // namespace kones::ops
