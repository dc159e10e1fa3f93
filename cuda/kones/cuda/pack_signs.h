// Signs of a tensor, packed into words on a CUDA device, and back. The words' layout: kones/numeric.
#pragma once

#include <cstdint>

#include "kones/cuda/stream.h"
#include "kones/numeric/float16.h"
#include "kones/numeric/sign_layout.h"

namespace kones::cuda {

/// Packs the signs of the elements at the device pointer x into layout.words() words: a bit is x < 0, so that
/// NaN and -0 are positive. `inside`, where it is not null, gets the bits of -1 <= x <= 1 in the same layout
/// (NaN is outside). Every word is written, its bits past the last channel 0. T is float, Float16 or
/// BFloat16. Fastest where channels or pixels lie densely; any strides are taken. Throws std::runtime_error
/// when the launch is refused.
template <typename T>
void pack_signs(const T* x, const SignLayout& layout, uint64_t* words, uint64_t* inside, Stream stream);

/// The inverse: y is -1 where the bit is set, else 1. As pack_signs.
template <typename T>
void unpack_signs(const uint64_t* words, const SignLayout& layout, T* y, Stream stream);

/// y = bit of mask ? gradient : 0 for each element; gradient and y lie as `layout` says and may be the same.
/// As pack_signs.
template <typename T>
void apply_sign_mask(const T* gradient, const uint64_t* mask, const SignLayout& layout, T* y, Stream stream);

}  // namespace kones::cuda
