// Signs packed into words, on plain pointers. Layouts: kones/numeric/sign_layout.h. T is float, Float16 or
// BFloat16.
#pragma once

#include <cstdint>

#include "kones/kernels/cpu_tier.h"
#include "kones/numeric/float16.h"
#include "kones/numeric/sign_layout.h"

namespace kones::kernels {

/// A range of a layout's pixels, counted through the batch: pixel i is pixel i mod pixels of image i /
/// pixels.
struct PixelRange {
  int64_t begin = 0;
  int64_t end = 0;
};

/// Packs x < 0 (of NaN and -0: no) for the pixels of `range`. `inside`, unless null, gets -1 <= x <= 1 in
/// words of the same layout: where a gradient passes (Courbariaux and others, 2016, section 1.3).
template <typename T>
void pack_signs(const T* x, const SignLayout& layout, PixelRange range, uint64_t* words,
                uint64_t* inside = nullptr, CpuTier tier = cpu_tier());

/// y = bit ? -1 : +1.
template <typename T>
void unpack_signs(const uint64_t* words, const SignLayout& layout, PixelRange range, T* y,
                  CpuTier tier = cpu_tier());

/// y = bit ? gradient : 0, both laid out alike; they may be the same.
template <typename T>
void apply_sign_mask(const T* gradient, const uint64_t* words, const SignLayout& layout, PixelRange range,
                     T* y, CpuTier tier = cpu_tier());

/// Whether a bit past the last channel of a group is set, which no packed tensor has.
bool has_stray_bits(const uint64_t* words, const SignLayout& layout);

}  // namespace kones::kernels
