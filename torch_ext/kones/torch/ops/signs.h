// The operators kones::pack_signs and kones::unpack_signs for C++; from Python they are torch.ops.kones.*.
#pragma once

#include <tuple>

#include <ATen/core/Tensor.h>

#include "kones/numeric/sign_layout.h"

namespace kones {

/// The signs of x, [N, C, H, W] or [N, C], float32, float16 or bfloat16, of any strides, as int64 words [N,
/// H, W, ceil(C / 64)] or [N, ceil(C / 64)]: channel c is bit c mod 64 of word c / 64, a set bit is a
/// negative value, and the bits past the last channel are 0. NaN and zeros of both signs count as +1. Throws
/// c10::Error.
at::Tensor pack_signs(const at::Tensor& x);

/// The inverse: float32 -1 and +1, [N, channels, H, W] (channels last) or [N, channels]. Throws c10::Error.
at::Tensor unpack_signs(const at::Tensor& words, int64_t channels);

namespace ops {

/// x, [N, C, H, W] or [N, C], or a copy of it in its own order, whose elements a SignLayout describes, and
/// that layout.
std::pair<at::Tensor, SignLayout> with_sign_layout(const at::Tensor& x, int64_t groups = 1);

/// The words of x, each group of channels beginning one, [N, H, W, groups * ceil(C / groups / 64)]; and with
/// `masked` the bits of |x| <= 1 in the same layout, else an undefined tensor. Through the dispatcher.
std::tuple<at::Tensor, at::Tensor> pack_signs_masked(const at::Tensor& x, int64_t groups, bool masked);

/// The signs in such words, [N, channels, H, W] or [N, channels] of `type`, channels last or contiguous.
at::Tensor unpack_signs_as(const at::Tensor& words, int64_t channels, int64_t groups, at::ScalarType type,
                           bool channels_last);

/// gradient where the mask's bit is set, else 0.
at::Tensor apply_sign_mask(const at::Tensor& gradient, const at::Tensor& mask, int64_t groups);

}  // namespace ops
}  // namespace kones
