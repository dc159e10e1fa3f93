#include "kones/torch/ops/signs.h"

#include <utility>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include "kones/torch/ops/dispatcher.h"
#include "kones/torch/ops/xnor_backend.h"

namespace kones {
namespace ops {
namespace {

void check_numbers(const char* name, const char* argument, const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kHalf || type == at::kBFloat16, "kones::", name, ": ",
                   argument, " is ", type, "; it takes float32, float16 or bfloat16");
  TORCH_CHECK_VALUE(x.dim() == 4 || x.dim() == 2, "kones::", name, ": ", argument, " has ", x.dim(),
                    " dimensions; it takes [N, C, H, W] or [N, C]");
}

void check_type(const char* name, at::ScalarType type) {
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kHalf || type == at::kBFloat16, "kones::", name,
                   ": type is ", type, "; it takes float32, float16 or bfloat16");
}

void check_groups(const char* name, const c10::SymInt& channels, int64_t groups) {
  TORCH_CHECK_VALUE(groups >= 1 && channels.guard_int(__FILE__, __LINE__) % groups == 0, "kones::", name,
                    ": groups is ", groups, "; it takes a divisor of the channels, ", channels);
}

/// The sizes of words of a tensor like x.
std::vector<c10::SymInt> word_sizes(const at::Tensor& x, int64_t groups) {
  const c10::SymInt words = (x.sym_size(1) / groups + 63) / 64 * groups;
  if (x.dim() == 2) return {x.sym_size(0), words};
  return {x.sym_size(0), x.sym_size(2), x.sym_size(3), words};
}

at::Tensor empty_words(const at::Tensor& x, int64_t groups) {
  return at::empty_symint(word_sizes(x, groups), x.options().dtype(at::kLong).memory_format(std::nullopt));
}

/// Refuses words that do not fit x.
void check_words_fit(const char* name, const char* argument, const at::Tensor& words, const at::Tensor& x,
                     int64_t groups) {
  TORCH_CHECK_TYPE(words.scalar_type() == at::kLong, "kones::", name, ": ", argument, " is ",
                   words.scalar_type(), "; it takes int64");
  TORCH_CHECK_VALUE(words.is_contiguous() && words.device() == x.device() &&
                        words.sym_sizes().equals(word_sizes(x, groups)),
                    "kones::", name, ": ", argument, " does not fit; it takes contiguous words of its signs");
}

at::Tensor pack_signs_kernel(const at::Tensor& x) {
  check_numbers("pack_signs", "x", x);
  at::Tensor words = empty_words(x, 1);
  if (words.numel() == 0) return words;
  const auto [numbers, layout] = with_sign_layout(x);
  xnor_backend(x).pack_signs(numbers, layout, words, {});
  return words;
}

at::Tensor pack_signs_meta(const at::Tensor& x) {
  check_numbers("pack_signs", "x", x);
  return empty_words(x, 1);
}

void check_unpack(const char* name, const at::Tensor& words, int64_t channels, int64_t groups) {
  TORCH_CHECK_TYPE(words.scalar_type() == at::kLong, "kones::", name, ": words is ", words.scalar_type(),
                   "; it takes int64");
  TORCH_CHECK_VALUE(words.dim() == 4 || words.dim() == 2, "kones::", name, ": words has ", words.dim(),
                    " dimensions; it takes [N, H, W, words] or [N, words]");
  const int64_t held = words.sym_size(-1).guard_int(__FILE__, __LINE__);
  TORCH_CHECK_VALUE(groups >= 1, "kones::", name, ": groups is ", groups, "; it takes 1 or more");
  TORCH_CHECK_VALUE(channels >= 0 && channels <= 64 * held && channels % groups == 0 &&
                        (channels / groups + 63) / 64 * groups == held,
                    "kones::", name, ": channels is ", channels, ", which ", held,
                    held == 1 ? " word" : " words", " of a pixel do not hold; it takes ",
                    held == 0 ? 0 : groups * (64 * (held / groups) - 63), " to ", 64 * held);
}

at::Tensor empty_unpacked(const at::Tensor& words, int64_t channels, at::ScalarType type,
                          bool channels_last) {
  const auto options = words.options().dtype(type);
  if (words.dim() == 2) return at::empty_symint({words.sym_size(0), channels}, options);
  return at::empty_symint(
      {words.sym_size(0), channels, words.sym_size(1), words.sym_size(2)},
      options.memory_format(channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous));
}

at::Tensor unpack_signs_as_kernel(const at::Tensor& words, int64_t channels, int64_t groups,
                                  at::ScalarType type, bool channels_last) {
  check_unpack("_unpack_signs_as", words, channels, groups);
  check_type("_unpack_signs_as", type);
  at::Tensor y = empty_unpacked(words, channels, type, channels_last);
  if (y.numel() != 0)
    xnor_backend(words).unpack_signs(words.contiguous(), with_sign_layout(y, groups).second, y);
  return y;
}

at::Tensor unpack_signs_as_meta(const at::Tensor& words, int64_t channels, int64_t groups,
                                at::ScalarType type, bool channels_last) {
  check_unpack("_unpack_signs_as", words, channels, groups);
  check_type("_unpack_signs_as", type);
  return empty_unpacked(words, channels, type, channels_last);
}

at::Tensor unpack_signs_kernel(const at::Tensor& words, int64_t channels) {
  check_unpack("unpack_signs", words, channels, 1);
  at::Tensor y = empty_unpacked(words, channels, at::kFloat, true);
  if (y.numel() == 0) return y;
  const SignLayout layout = with_sign_layout(y).second;
  const at::Tensor dense =
      xnor_backend(words).clean_words("unpack_signs", "words", words.contiguous(), layout);
  xnor_backend(words).unpack_signs(dense, layout, y);
  return y;
}

at::Tensor unpack_signs_meta(const at::Tensor& words, int64_t channels) {
  check_unpack("unpack_signs", words, channels, 1);
  return empty_unpacked(words, channels, at::kFloat, true);
}

std::tuple<at::Tensor, at::Tensor> pack_signs_masked_kernel(const at::Tensor& x, int64_t groups,
                                                            bool masked) {
  check_numbers("_pack_signs_masked", "x", x);
  check_groups("_pack_signs_masked", x.sym_size(1), groups);
  at::Tensor words = empty_words(x, groups);
  at::Tensor mask = masked ? empty_words(x, groups) : at::empty({0}, words.options());
  if (words.numel() == 0) return {words, mask};
  const auto [numbers, layout] = with_sign_layout(x, groups);
  xnor_backend(x).pack_signs(numbers, layout, words, masked ? mask : at::Tensor());
  return {words, mask};
}

std::tuple<at::Tensor, at::Tensor> pack_signs_masked_meta(const at::Tensor& x, int64_t groups, bool masked) {
  check_numbers("_pack_signs_masked", "x", x);
  check_groups("_pack_signs_masked", x.sym_size(1), groups);
  at::Tensor words = empty_words(x, groups);
  return {words, masked ? empty_words(x, groups) : at::empty({0}, words.options())};
}

at::Tensor apply_sign_mask_kernel(const at::Tensor& gradient, const at::Tensor& mask, int64_t groups) {
  check_numbers("_apply_sign_mask", "gradient", gradient);
  check_groups("_apply_sign_mask", gradient.sym_size(1), groups);
  check_words_fit("_apply_sign_mask", "mask", mask, gradient, groups);
  const at::Tensor source = gradient.contiguous(gradient.suggest_memory_format());
  at::Tensor y = at::empty_like(source);
  if (y.numel() == 0) return y;
  xnor_backend(gradient).apply_sign_mask(source, mask, with_sign_layout(source, groups).second, y);
  return y;
}

at::Tensor apply_sign_mask_meta(const at::Tensor& gradient, const at::Tensor& mask, int64_t groups) {
  check_numbers("_apply_sign_mask", "gradient", gradient);
  check_groups("_apply_sign_mask", gradient.sym_size(1), groups);
  check_words_fit("_apply_sign_mask", "mask", mask, gradient, groups);
  return at::empty_like(gradient, gradient.options().memory_format(gradient.suggest_memory_format()));
}

/// Linear in the gradient: its own gradient is the same map.
class ApplySignMask : public torch::autograd::Function<ApplySignMask> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& gradient,
                            const at::Tensor& mask, int64_t groups) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    context->save_for_backward({mask});
    context->saved_data["groups"] = groups;
    return apply_sign_mask(gradient, mask, groups);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor mask = context->get_saved_variables()[0];
    return {apply_sign_mask(gradients[0], mask, context->saved_data["groups"].toInt()), {}, {}};
  }
};

at::Tensor apply_sign_mask_autograd(const at::Tensor& gradient, const at::Tensor& mask, int64_t groups) {
  return ApplySignMask::apply(gradient, mask, groups);
}

void register_kernels(torch::Library& library) {
  library.impl("pack_signs", &pack_signs_kernel);
  library.impl("unpack_signs", &unpack_signs_kernel);
  library.impl("_pack_signs_masked", &pack_signs_masked_kernel);
  library.impl("_unpack_signs_as", &unpack_signs_as_kernel);
  library.impl("_apply_sign_mask", &apply_sign_mask_kernel);
}

}  // namespace

std::pair<at::Tensor, SignLayout> with_sign_layout(const at::Tensor& x, int64_t groups) {
  const auto layout_of = [groups](const at::Tensor& t) {
    SignLayout layout;
    layout.batch = t.size(0);
    layout.groups = groups;
    layout.group_channels = t.size(1) / groups;
    layout.batch_stride = t.stride(0);
    layout.channel_stride = t.stride(1);
    if (t.dim() == 2) {  // rows are pixels of one image: several are packed at a time
      layout.pixels = std::exchange(layout.batch, 1);
      layout.pixel_stride = t.stride(0);
    } else {
      layout.pixels = t.size(2) * t.size(3);
      layout.pixel_stride = t.size(3) == 1 ? t.stride(2) : t.stride(3);
    }
    return layout;
  };
  const bool rows_follow =
      x.dim() == 2 || x.size(2) == 1 || x.size(3) == 1 || x.stride(2) == x.size(3) * x.stride(3);
  const at::Tensor numbers = rows_follow ? x : x.contiguous(x.suggest_memory_format());
  return {numbers, layout_of(numbers)};
}

std::tuple<at::Tensor, at::Tensor> pack_signs_masked(const at::Tensor& x, int64_t groups, bool masked) {
  static const auto op = operator_named<decltype(pack_signs_masked_kernel)>("kones::_pack_signs_masked");
  return op.call(x, groups, masked);
}

at::Tensor unpack_signs_as(const at::Tensor& words, int64_t channels, int64_t groups, at::ScalarType type,
                           bool channels_last) {
  static const auto op = operator_named<decltype(unpack_signs_as_kernel)>("kones::_unpack_signs_as");
  return op.call(words, channels, groups, type, channels_last);
}

at::Tensor apply_sign_mask(const at::Tensor& gradient, const at::Tensor& mask, int64_t groups) {
  static const auto op = operator_named<decltype(apply_sign_mask_kernel)>("kones::_apply_sign_mask");
  return op.call(gradient, mask, groups);
}

}  // namespace ops

at::Tensor pack_signs(const at::Tensor& x) {
  static const auto op = ops::operator_named<decltype(ops::pack_signs_kernel)>("kones::pack_signs");
  return op.call(x);
}

at::Tensor unpack_signs(const at::Tensor& words, int64_t channels) {
  static const auto op = ops::operator_named<decltype(ops::unpack_signs_kernel)>("kones::unpack_signs");
  return op.call(words, channels);
}

TORCH_LIBRARY_FRAGMENT(kones, library) {
  const std::vector<at::Tag> tags = {at::Tag::pt2_compliant_tag};
  library.def("pack_signs(Tensor x) -> Tensor", tags);
  library.def("unpack_signs(Tensor words, int channels) -> Tensor", tags);
  library.def("_pack_signs_masked(Tensor x, int groups, bool masked) -> (Tensor, Tensor)", tags);
  library.def(
      "_unpack_signs_as(Tensor words, int channels, int groups, ScalarType type, bool channels_last) -> "
      "Tensor",
      tags);
  library.def("_apply_sign_mask(Tensor gradient, Tensor mask, int groups) -> Tensor", tags);
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
  library.impl("pack_signs", &ops::pack_signs_meta);
  library.impl("unpack_signs", &ops::unpack_signs_meta);
  library.impl("_pack_signs_masked", &ops::pack_signs_masked_meta);
  library.impl("_unpack_signs_as", &ops::unpack_signs_as_meta);
  library.impl("_apply_sign_mask", &ops::apply_sign_mask_meta);
}
TORCH_LIBRARY_IMPL(kones, Autograd, library) {
  library.impl("pack_signs", torch::autograd::autogradNotImplementedFallback());
  library.impl("unpack_signs", torch::autograd::autogradNotImplementedFallback());
  library.impl("_apply_sign_mask", &ops::apply_sign_mask_autograd);
}

}  // namespace kones
