#include "kones/cuda/k_ones.h"

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "kones/torch/ops/elementwise.h"
#include "kones/torch/ops/k_ones_arguments.h"

namespace kones::ops {
namespace {

at::Tensor k_ones_cuda(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                       c10::SymInt seed, c10::SymInt offset) {
  const KOnesArguments a = check_k_ones(x, k, max_shift, rounding, seed, offset);
  const c10::cuda::CUDAGuard device(x.device());
  return quantize_elements(
      x, a.rounding == Rounding::stochastic, [&a](const at::Tensor& from, at::Tensor& to) {
        for_storage_type(from.scalar_type(), [&](auto type) {
          using T = decltype(type);
          cuda::k_ones(static_cast<const T*>(from.const_data_ptr()), static_cast<T*>(to.mutable_data_ptr()),
                       from.numel(), a.terms, a.max_shift, a.rounding, a.stream,
                       c10::cuda::getCurrentCUDAStream());
        });
      });
}

}  // namespace

TORCH_LIBRARY_IMPL(kones, CUDA, library) {
  library.impl("k_ones", &k_ones_cuda);
}

}  // namespace kones::ops
