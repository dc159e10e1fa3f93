#include "kones/torch/train/histogram.h"

#include <torch/torch.h>

namespace kones {

at::Tensor histogram_of(const at::Tensor& x) {
  const at::NoGradGuard no_gradient;
  // A sum with +0 turns -0 into it, whose bits are those of a number below every other.
  const at::Tensor bits = x.detach().clamp_min(0.0).add_(0.0).contiguous().view(at::kInt).flatten();
  return torch::bincount(bits.bitwise_right_shift(histogram_shift), {}, histogram_bins).to(at::kCPU);
}

bool are_histograms(const at::Tensor& histograms, size_t count) {
  return histograms.scalar_type() == at::kLong && histograms.dim() == 2 &&
         histograms.size(0) == static_cast<int64_t>(count) && histograms.size(1) == histogram_bins;
}

}  // namespace kones
