#include "kones/torch/ops/xnor_backend.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kones/cuda/pack_signs.h"
#include "kones/cuda/xnor_conv2d.h"
#include "kones/torch/ops/elementwise.h"

namespace kones::ops {
namespace {

/// What is launched goes to the current stream of the operands' device. Looking at a device's memory would
/// wait for it: what only that could show is not checked.
class CudaXnor : public XnorBackend {
 public:
  void pack_signs(const at::Tensor& x, const SignLayout& layout, const at::Tensor& words,
                  const at::Tensor& inside) const override {
    const c10::cuda::CUDAGuard device(x.device());
    for_storage_type(x.scalar_type(), [&](auto type) {
      using T = decltype(type);
      cuda::pack_signs(static_cast<const T*>(x.const_data_ptr()), layout, words_of(words),
                       inside.defined() ? words_of(inside) : nullptr, c10::cuda::getCurrentCUDAStream());
    });
  }

  void unpack_signs(const at::Tensor& words, const SignLayout& layout, const at::Tensor& y) const override {
    const c10::cuda::CUDAGuard device(y.device());
    for_storage_type(y.scalar_type(), [&](auto type) {
      using T = decltype(type);
      cuda::unpack_signs(const_words_of(words), layout, static_cast<T*>(y.mutable_data_ptr()),
                         c10::cuda::getCurrentCUDAStream());
    });
  }

  void apply_sign_mask(const at::Tensor& gradient, const at::Tensor& words, const SignLayout& layout,
                       const at::Tensor& y) const override {
    const c10::cuda::CUDAGuard device(y.device());
    for_storage_type(y.scalar_type(), [&](auto type) {
      using T = decltype(type);
      cuda::apply_sign_mask(static_cast<const T*>(gradient.const_data_ptr()), const_words_of(words), layout,
                            static_cast<T*>(y.mutable_data_ptr()), c10::cuda::getCurrentCUDAStream());
    });
  }

  void prepack(const at::Tensor& weight_words, const XnorShape& shape,
               const at::Tensor& prepacked) const override {
    const c10::cuda::CUDAGuard device(prepacked.device());
    cuda::xnor_prepack(const_words_of(weight_words), shape, prepacked.mutable_data_ptr(),
                       c10::cuda::getCurrentCUDAStream());
  }

  void check_prepacked(const char* name, const at::Tensor& prepacked, const XnorShape& shape) const override {
    TORCH_CHECK_VALUE(
        prepacked.numel() == shape.prepacked_bytes(), "kones::", name, ": prepacked has ", prepacked.numel(),
        " bytes; what xnor_prepack makes of such a weight on this device has ", shape.prepacked_bytes());
  }

  at::Tensor clean_words(const char*, const char*, const at::Tensor& words,
                         const SignLayout& layout) const override {
    const int64_t channels = layout.group_channels % 64;
    if (channels == 0) return words;
    at::Tensor cleaned = words.clone();
    cleaned.view({-1, layout.group_words()}).select(1, -1).bitwise_and_((int64_t{1} << channels) - 1);
    return cleaned;
  }

  void convolve(const XnorOperand& x, const at::Tensor& prepacked,
                const XnorRequest& request) const override {
    const c10::cuda::CUDAGuard device(x.tensor.device());
    at::Tensor words = x.tensor;
    if (!x.words) {
      words = at::empty({x.layout.words()}, x.tensor.options().dtype(at::kLong));
      pack_signs(x.tensor, x.layout, words, {});
    }
    const auto run = [&](auto type) {
      cuda::xnor_conv2d(const_words_of(words), prepacked.const_data_ptr(), request.shape,
                        epilogue_of(request), output_of<decltype(type)>(request),
                        c10::cuda::getCurrentCUDAStream());
    };
    if (request.values.defined() && request.values.scalar_type() == at::kInt) return run(int32_t{});
    for_storage_type(request.values.defined() ? request.values.scalar_type() : at::kFloat, run);
  }
};

}  // namespace

const XnorBackend& cuda_xnor() {
  static const CudaXnor backend;
  return backend;
}

}  // namespace kones::ops
