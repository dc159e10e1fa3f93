#include "kones/torch/ops/clamp.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "kones/kernels/quantize.h"

namespace kones {

void clamp_(at::Tensor& x, double low, double high) {
  if (!x.is_cpu() || x.scalar_type() != at::kFloat || !x.is_non_overlapping_and_dense()) {
    x.clamp_(low, high);
    return;
  }
  float* const values = x.mutable_data_ptr<float>();
  at::parallel_for(0, x.numel(), at::internal::GRAIN_SIZE, [&](int64_t begin, int64_t end) {
    kernels::clamp_in_place(values + begin, end - begin, static_cast<float>(low), static_cast<float>(high));
  });
  // What autograd has saved of x is out of date.
  x.unsafeGetTensorImpl()->bump_version();
}

}  // namespace kones
