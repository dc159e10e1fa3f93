// The convolution of signs on a CUDA device. Sizes, epilogue and outputs: kones/numeric/xnor_conv2d.h.
#pragma once

#include <cstdint>

#include "kones/cuda/stream.h"
#include "kones/numeric/float16.h"
#include "kones/numeric/xnor_conv2d.h"

namespace kones::cuda {

/// Brings weights, the device's words [out_channels][kernel_height][kernel_width][group_words()], into the
/// order that xnor_conv2d copies them in, with the counts of their bits. `prepacked` has
/// shape.prepacked_bytes() bytes, aligned to 16, and serves any input, on any device. Throws
/// std::runtime_error when the launch is refused, std::invalid_argument for sizes past its indices.
void xnor_prepack(const uint64_t* weight_words, const XnorShape& shape, void* prepacked, Stream stream);

/// Convolves the words [batch][in_height * in_width][groups][group_words()], as pack_signs writes them. A
/// padded pixel adds nothing. All pointers are to device memory, those of words aligned to 8 bytes; to 16
/// copies are wider. Throws as xnor_prepack. T is float, Float16, BFloat16 or int32_t.
template <typename T>
void xnor_conv2d(const uint64_t* x_words, const void* prepacked, const XnorShape& shape,
                 const XnorEpilogue& epilogue, const XnorOutput<T>& output, Stream stream);

}  // namespace kones::cuda
