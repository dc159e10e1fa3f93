// The kernels of signs and their convolutions behind one interface, for the operators of every device.
#pragma once

#include <ATen/core/Tensor.h>

#include "kones/numeric/sign_layout.h"
#include "kones/numeric/xnor_conv2d.h"

namespace kones::ops {

/// Tensors behind XnorEpilogue and XnorOutput; undefined ones are absent. Parameters are float32, contiguous,
/// with an element an output.
struct XnorRequest {
  XnorShape shape;

  at::Tensor scale;
  at::Tensor bias;
  XnorActivation activation = XnorActivation::none;
  at::Tensor slope;
  at::Tensor shift;

  at::Tensor values;    ///< [batch, outputs, height, width], channels last or contiguous; int32 for sums
  at::Tensor residual;  ///< with the strides of values
  at::Tensor words;     ///< int64 [batch, height, width, ceil(outputs / 64)]
  at::Tensor sign_threshold;
  at::Tensor threshold;  ///< int32
  at::Tensor flipped;    ///< uint8
};

/// Where a convolution's operand is.
struct XnorOperand {
  at::Tensor tensor;  ///< numbers, or int64 words [batch, height, width, groups * group_words]
  SignLayout layout;  ///< of numbers
  bool words = false;
};

/// The words of a tensor of int64.
inline uint64_t* words_of(const at::Tensor& words) {
  return reinterpret_cast<uint64_t*>(words.mutable_data_ptr<int64_t>());
}
inline const uint64_t* const_words_of(const at::Tensor& words) {
  return reinterpret_cast<const uint64_t*>(words.const_data_ptr<int64_t>());
}

class XnorBackend {
 public:
  virtual ~XnorBackend() = default;

  /// As kones/kernels/signs.h and kones/cuda/pack_signs.h say; `inside` may be undefined.
  virtual void pack_signs(const at::Tensor& x, const SignLayout& layout, const at::Tensor& words,
                          const at::Tensor& inside) const = 0;
  virtual void unpack_signs(const at::Tensor& words, const SignLayout& layout, const at::Tensor& y) const = 0;
  virtual void apply_sign_mask(const at::Tensor& gradient, const at::Tensor& words, const SignLayout& layout,
                               const at::Tensor& y) const = 0;

  virtual void prepack(const at::Tensor& weight_words, const XnorShape& shape,
                       const at::Tensor& prepacked) const = 0;
  /// Refuses what prepack did not make for `shape`, as far as that can be seen.
  virtual void check_prepacked(const char* name, const at::Tensor& prepacked,
                               const XnorShape& shape) const = 0;
  /// The words without bits past the last channel. On the CPU such bits are refused; a device, which would
  /// have to be waited for, leaves them out.
  virtual at::Tensor clean_words(const char* name, const char* argument, const at::Tensor& words,
                                 const SignLayout& layout) const = 0;
  virtual void convolve(const XnorOperand& x, const at::Tensor& prepacked,
                        const XnorRequest& request) const = 0;
};

const XnorBackend& cpu_xnor();
const XnorBackend& cuda_xnor();

/// That of the device that x is on.
const XnorBackend& xnor_backend(const at::Tensor& x);

/// The fields of XnorRequest's structures, with pointers to its tensors.
XnorEpilogue epilogue_of(const XnorRequest& request);
template <typename T>
XnorOutput<T> output_of(const XnorRequest& request) {
  XnorOutput<T> output;
  if (request.values.defined()) {
    output.values = static_cast<T*>(request.values.mutable_data_ptr());
    output.batch_stride = request.values.stride(0);
    output.channel_stride = request.values.stride(1);
    output.pixel_stride = request.values.stride(3);
  }
  if (request.residual.defined()) output.residual = static_cast<const T*>(request.residual.const_data_ptr());
  if (request.words.defined()) output.words = words_of(request.words);
  if (request.sign_threshold.defined())
    output.sign_threshold = request.sign_threshold.const_data_ptr<float>();
  if (request.threshold.defined()) output.thresholds.threshold = request.threshold.const_data_ptr<int32_t>();
  if (request.flipped.defined()) output.thresholds.flipped = request.flipped.const_data_ptr<uint8_t>();
  return output;
}

}  // namespace kones::ops
