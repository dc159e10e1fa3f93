#include "kones/torch/ops/quantize.h"

#include <ATen/Parallel.h>

#include "kones/torch/ops/elementwise.h"

namespace kones::ops {
namespace {

/// A task's elements: a multiple of a random block's and of a mask word's.
constexpr int64_t task = 1024;
/// Tasks that are worth a thread.
constexpr int64_t grain = at::internal::GRAIN_SIZE / task;
/// Tensors of this many bytes do not stay in the caches, so that results are written past them.
constexpr int64_t streaming_bytes = int64_t{16} << 20;

/// Calls `function(begin, end)` for ranges of elements, on all threads, with `begin` a multiple of `task`.
template <typename Function>
void for_elements(int64_t count, Function function) {
  at::parallel_for(0, (count + task - 1) / task, grain,
                   [&](int64_t begin, int64_t end) { function(begin * task, std::min(end * task, count)); });
}

void quantize_flat(const at::Tensor& x, at::Tensor& y, const kernels::Quantization& quantization,
                   kernels::RangeMask mask) {
  for_storage_type(x.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const T* from = static_cast<const T*>(x.const_data_ptr());
    T* to = static_cast<T*>(y.mutable_data_ptr());
    for_elements(x.numel(), [&](int64_t begin, int64_t end) {
      kernels::RangeMask own = mask;
      if (own.words != nullptr) own.words += begin / 64;
      kernels::quantize(from + begin, to + begin, end - begin, quantization, begin, own, stores_of(y));
    });
  });
}

}  // namespace

kernels::Stores stores_of(const at::Tensor& y) {
  return static_cast<int64_t>(y.nbytes()) >= streaming_bytes ? kernels::Stores::streaming
                                                             : kernels::Stores::cached;
}

at::Tensor quantize_cpu(const at::Tensor& x, const kernels::Quantization& quantization) {
  return map_tensor(
      x, quantization.rounding == Rounding::stochastic,
      [&](const at::Tensor& from, at::Tensor& to) { quantize_flat(from, to, quantization, {}); });
}

void quantize_into_cpu(const at::Tensor& x, at::Tensor& y, const kernels::Quantization& quantization) {
  quantize_flat(x, y, quantization, {});
}

std::tuple<at::Tensor, at::Tensor> quantize_masked_cpu(const at::Tensor& x,
                                                       const kernels::Quantization& quantization) {
  const PassedRange range = passed_range(quantization.format);
  return map_tensor_with_mask(x, quantization.rounding == Rounding::stochastic,
                              [&](const at::Tensor& from, at::Tensor& to, at::Tensor& mask) {
                                auto* words = reinterpret_cast<uint64_t*>(mask.mutable_data_ptr<int64_t>());
                                quantize_flat(from, to, quantization, {words, range.low, range.high});
                              });
}

at::Tensor ternarize_cpu(const at::Tensor& x, TernaryScales scales) {
  return map_tensor(x, false, [&](const at::Tensor& from, at::Tensor& to) {
    for_storage_type(from.scalar_type(), [&](auto type) {
      using T = decltype(type);
      const T* source = static_cast<const T*>(from.const_data_ptr());
      T* destination = static_cast<T*>(to.mutable_data_ptr());
      for_elements(from.numel(), [&](int64_t begin, int64_t end) {
        kernels::ternarize(source + begin, destination + begin, end - begin, scales, stores_of(to));
      });
    });
  });
}

at::Tensor range_gradient_cpu(const at::Tensor& gradient, const at::Tensor& x, double low, double high) {
  check_range_gradient(gradient, x);
  return combine_tensors(gradient, x, [&](const at::Tensor& g, const at::Tensor& from, at::Tensor& y) {
    for_storage_type(g.scalar_type(), [&](auto type) {
      using T = decltype(type);
      const T* cotangent = static_cast<const T*>(g.const_data_ptr());
      const T* operand = static_cast<const T*>(from.const_data_ptr());
      T* to = static_cast<T*>(y.mutable_data_ptr());
      for_elements(g.numel(), [&](int64_t begin, int64_t end) {
        kernels::range_gradient(cotangent + begin, operand + begin, to + begin, end - begin,
                                static_cast<float>(low), static_cast<float>(high));
      });
    });
  });
}

at::Tensor apply_mask_cpu(const at::Tensor& gradient, const at::Tensor& mask) {
  check_apply_mask(gradient, mask);
  at::Tensor passed = at::empty_like(gradient);
  for_storage_type(gradient.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const T* from = static_cast<const T*>(gradient.const_data_ptr());
    T* to = static_cast<T*>(passed.mutable_data_ptr());
    const auto* words = reinterpret_cast<const uint64_t*>(mask.const_data_ptr<int64_t>());
    for_elements(gradient.numel(), [&](int64_t begin, int64_t end) {
      kernels::apply_mask(from + begin, words + begin / 64, to + begin, end - begin);
    });
  });
  return passed;
}

}  // namespace kones::ops
