#include "kones/cuda/binarize.h"

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "kones/torch/ops/elementwise.h"

namespace kones::ops {
namespace {

at::Tensor binarize_cuda(const at::Tensor& x, std::string_view rounding, c10::SymInt seed,
                         c10::SymInt offset) {
  check_operand("binarize", x);
  const RoundingArguments a = check_rounding("binarize", rounding, seed, offset);
  const c10::cuda::CUDAGuard device(x.device());
  return quantize_elements(
      x, a.rounding == Rounding::stochastic, [&a](const at::Tensor& from, at::Tensor& to) {
        for_storage_type(from.scalar_type(), [&](auto type) {
          using T = decltype(type);
          cuda::binarize(static_cast<const T*>(from.const_data_ptr()), static_cast<T*>(to.mutable_data_ptr()),
                         from.numel(), a.rounding, a.stream, c10::cuda::getCurrentCUDAStream());
        });
      });
}

}  // namespace

TORCH_LIBRARY_IMPL(kones, CUDA, library) {
  library.impl("binarize", &binarize_cuda);
}

}  // namespace kones::ops
