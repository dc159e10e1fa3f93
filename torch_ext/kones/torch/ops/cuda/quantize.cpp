#include "kones/cuda/quantize.h"

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kones/torch/ops/elementwise.h"
#include "kones/torch/ops/quantize.h"

namespace kones::ops {
namespace {

void quantize_flat(const at::Tensor& x, at::Tensor& y, const kernels::Quantization& q, cuda::RangeMask mask) {
  const c10::cuda::CUDAGuard device(x.device());
  for_storage_type(x.scalar_type(), [&](auto type) {
    using T = decltype(type);
    cuda::quantize(static_cast<const T*>(x.const_data_ptr()), static_cast<T*>(y.mutable_data_ptr()),
                   x.numel(), q.format, q.rounding, q.stream, mask, c10::cuda::getCurrentCUDAStream());
  });
}

/// x at an address that vectors are read from.
at::Tensor aligned(const at::Tensor& x) {
  return reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0 ? x : x.clone();
}

}  // namespace

at::Tensor quantize_cuda(const at::Tensor& x, const kernels::Quantization& quantization) {
  return map_tensor(
      x, quantization.rounding == Rounding::stochastic,
      [&](const at::Tensor& from, at::Tensor& to) { quantize_flat(from, to, quantization, {}); });
}

std::tuple<at::Tensor, at::Tensor> quantize_masked_cuda(const at::Tensor& x,
                                                        const kernels::Quantization& quantization) {
  const PassedRange range = passed_range(quantization.format);
  return map_tensor_with_mask(
      x, quantization.rounding == Rounding::stochastic,
      [&](const at::Tensor& from, at::Tensor& to, at::Tensor& mask) {
        if (mask.numel() > 0)
          mask.slice(0, -1).zero_();  // the last word may have bytes that no element is in
        auto* bytes = reinterpret_cast<uint8_t*>(mask.mutable_data_ptr<int64_t>());
        quantize_flat(aligned(from), to, quantization, {bytes, range.low, range.high});
      });
}

at::Tensor ternarize_cuda(const at::Tensor& x, TernaryScales scales) {
  return map_tensor(x, false, [&](const at::Tensor& from, at::Tensor& to) {
    const c10::cuda::CUDAGuard device(from.device());
    for_storage_type(from.scalar_type(), [&](auto type) {
      using T = decltype(type);
      cuda::ternarize(static_cast<const T*>(from.const_data_ptr()), static_cast<T*>(to.mutable_data_ptr()),
                      from.numel(), scales, c10::cuda::getCurrentCUDAStream());
    });
  });
}

at::Tensor range_gradient_cuda(const at::Tensor& gradient, const at::Tensor& x, double low, double high) {
  check_range_gradient(gradient, x);
  const c10::cuda::CUDAGuard device(gradient.device());
  return combine_tensors(gradient, x, [&](const at::Tensor& g, const at::Tensor& from, at::Tensor& y) {
    for_storage_type(g.scalar_type(), [&](auto type) {
      using T = decltype(type);
      const T* cotangent = static_cast<const T*>(g.const_data_ptr());
      const T* operand = static_cast<const T*>(from.const_data_ptr());
      T* to = static_cast<T*>(y.mutable_data_ptr());
      cuda::range_gradient(cotangent, operand, to, g.numel(), static_cast<float>(low),
                           static_cast<float>(high), c10::cuda::getCurrentCUDAStream());
    });
  });
}

at::Tensor apply_mask_cuda(const at::Tensor& gradient, const at::Tensor& mask) {
  check_apply_mask(gradient, mask);
  const c10::cuda::CUDAGuard device(gradient.device());
  const at::Tensor source = aligned(gradient);
  at::Tensor passed = at::empty_like(source);
  for_storage_type(source.scalar_type(), [&](auto type) {
    using T = decltype(type);
    cuda::apply_mask(static_cast<const T*>(source.const_data_ptr()),
                     reinterpret_cast<const uint8_t*>(mask.const_data_ptr<int64_t>()),
                     static_cast<T*>(passed.mutable_data_ptr()), source.numel(),
                     c10::cuda::getCurrentCUDAStream());
  });
  return passed;
}

}  // namespace kones::ops
