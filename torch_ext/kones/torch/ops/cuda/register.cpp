// The operators' CUDA kernels.
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "kones/cuda/quantize_all.h"
#include "kones/torch/ops/quantize.h"

namespace kones::ops {
namespace {

at::Tensor k_ones_cuda(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                       c10::SymInt seed, c10::SymInt offset) {
  return quantize_cuda(x, check_k_ones(x, k, max_shift, rounding, seed, offset));
}

at::Tensor power_of_two_cuda(const at::Tensor& x, int64_t min_exponent, int64_t max_exponent, bool zero,
                             std::string_view rounding, c10::SymInt seed, c10::SymInt offset) {
  return quantize_cuda(x, check_power_of_two(x, min_exponent, max_exponent, zero, rounding, seed, offset));
}

at::Tensor fixed_point_cuda(const at::Tensor& x, int64_t integer_bits, int64_t fraction_bits, bool is_signed,
                            std::string_view rounding, c10::SymInt seed, c10::SymInt offset) {
  return quantize_cuda(x,
                       check_fixed_point(x, integer_bits, fraction_bits, is_signed, rounding, seed, offset));
}

std::tuple<at::Tensor, at::Tensor> fixed_point_masked_cuda(const at::Tensor& x, int64_t integer_bits,
                                                           int64_t fraction_bits, bool is_signed,
                                                           std::string_view rounding, c10::SymInt seed,
                                                           c10::SymInt offset) {
  return quantize_masked_cuda(
      x, check_fixed_point(x, integer_bits, fraction_bits, is_signed, rounding, seed, offset));
}

at::Tensor binarize_cuda(const at::Tensor& x, std::string_view rounding, c10::SymInt seed,
                         c10::SymInt offset) {
  return quantize_cuda(x, check_binarize(x, rounding, seed, offset));
}

std::tuple<at::Tensor, at::Tensor> binarize_masked_cuda(const at::Tensor& x, std::string_view rounding,
                                                        c10::SymInt seed, c10::SymInt offset) {
  return quantize_masked_cuda(x, check_binarize(x, rounding, seed, offset));
}

at::Tensor checked_ternarize_cuda(const at::Tensor& x, double threshold, double positive, double negative) {
  return ternarize_cuda(x, check_ternarize(x, threshold, positive, negative));
}

void quantize_all_cuda(at::TensorList x, at::TensorList y, at::IntArrayRef format, std::string_view rounding,
                       at::IntArrayRef seeds, int64_t offset) {
  const auto [number_format, known] = check_quantize_all(x, y, format, rounding, seeds);
  if (x.empty()) return;
  const c10::cuda::CUDAGuard device(x[0].device());
  std::vector<cuda::TensorToQuantize> tensors;
  for (size_t i = 0; i < x.size(); ++i) {
    tensors.push_back({x[i].const_data_ptr<float>(), y[i].mutable_data_ptr<float>(), x[i].numel(),
                       static_cast<uint64_t>(seeds[i])});
  }
  cuda::quantize_all(tensors, number_format, known, static_cast<uint64_t>(offset),
                     c10::cuda::getCurrentCUDAStream());
}

}  // namespace

TORCH_LIBRARY_IMPL(kones, CUDA, library) {
  library.impl("k_ones", &k_ones_cuda);
  library.impl("power_of_two", &power_of_two_cuda);
  library.impl("fixed_point", &fixed_point_cuda);
  library.impl("_fixed_point_masked", &fixed_point_masked_cuda);
  library.impl("binarize", &binarize_cuda);
  library.impl("_binarize_masked", &binarize_masked_cuda);
  library.impl("ternarize", &checked_ternarize_cuda);
  library.impl("_range_gradient", &range_gradient_cuda);
  library.impl("_apply_mask", &apply_mask_cuda);
  library.impl("_quantize_all", &quantize_all_cuda);
}

}  // namespace kones::ops
