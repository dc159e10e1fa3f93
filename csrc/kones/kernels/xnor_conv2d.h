// Convolutions of signs: sums of products of -1 and +1, as counts of the bits that differ. Sizes, epilogue
// and outputs: kones/numeric/xnor_conv2d.h. Padded pixels add nothing.
#pragma once

#include <cstdint>

#include "kones/kernels/cpu_tier.h"
#include "kones/kernels/parallel.h"
#include "kones/numeric/sign_layout.h"
#include "kones/numeric/xnor_conv2d.h"

namespace kones::kernels {

/// Puts weights into the order in which the kernels read them. weight_words: [out_channels][kernel_height]
/// [kernel_width][group_words], the signs of a weight tensor's input channels (kones/kernels/signs.h).
/// `prepacked` has shape.prepacked_bytes() bytes, the same for every tier.
void xnor_prepack(const uint64_t* weight_words, const XnorShape& shape, void* prepacked);

/// Whether xnor_prepack made `bytes` bytes at `prepacked` for weights of this shape.
bool is_xnor_prepacked(const void* prepacked, int64_t bytes, const XnorShape& shape);

/// The operand: numbers, of which the signs count, or their packed words.
struct XnorInput {
  enum class Kind { float32, float16, bfloat16, words };
  Kind kind = Kind::words;
  const void* data = nullptr;  ///< words: [batch][in_height * in_width][groups][group_words]
  /// Of numbers: where they are; pixel y * in_width + x. Its sizes are the shape's.
  SignLayout layout;
};

/// T is float, Float16, BFloat16 or int32_t. `shape` is one that convolutions have (every size positive but
/// batch, an output of at least one pixel, at most xnor_max_products products in a sum).
template <typename T>
void xnor_conv2d(const XnorInput& input, const void* prepacked, const XnorShape& shape,
                 const XnorEpilogue& epilogue, const XnorOutput<T>& output, const Parallel& parallel = {},
                 CpuTier tier = cpu_tier());

}  // namespace kones::kernels
