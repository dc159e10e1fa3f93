#include "kones/torch/ops/xnor_backend.h"

#include <ATen/Parallel.h>

#include "kones/kernels/signs.h"
#include "kones/kernels/xnor_conv2d.h"
#include "kones/torch/ops/elementwise.h"

namespace kones::ops {
namespace {

/// Elements that are worth a thread.
constexpr int64_t grain_elements = at::internal::GRAIN_SIZE;

/// function(range) for ranges of the layout's pixels, on all threads.
template <typename Function>
void for_pixels(const SignLayout& layout, const Function& function) {
  const int64_t grain = std::max<int64_t>(1, grain_elements / layout.channels());
  at::parallel_for(0, layout.batch * layout.pixels, grain, [&](int64_t begin, int64_t end) {
    function(kernels::PixelRange{begin, end});
  });
}

/// LibTorch's threads, unless this one is already one of several.
kernels::Parallel torch_threads() {
  kernels::Parallel parallel;
  parallel.threads = at::in_parallel_region() ? 1 : at::get_num_threads();
  if (parallel.threads > 1) {
    parallel.run = [](int64_t count, const kernels::Parallel::Range& function) {
      at::parallel_for(0, count, 1, function);
    };
  }
  return parallel;
}

class CpuXnor : public XnorBackend {
 public:
  void pack_signs(const at::Tensor& x, const SignLayout& layout, const at::Tensor& words,
                  const at::Tensor& inside) const override {
    for_storage_type(x.scalar_type(), [&](auto type) {
      using T = decltype(type);
      const T* from = static_cast<const T*>(x.const_data_ptr());
      uint64_t* mask = inside.defined() ? words_of(inside) : nullptr;
      for_pixels(layout, [&](kernels::PixelRange range) {
        kernels::pack_signs(from, layout, range, words_of(words), mask);
      });
    });
  }

  void unpack_signs(const at::Tensor& words, const SignLayout& layout, const at::Tensor& y) const override {
    for_storage_type(y.scalar_type(), [&](auto type) {
      using T = decltype(type);
      T* to = static_cast<T*>(y.mutable_data_ptr());
      for_pixels(layout, [&](kernels::PixelRange range) {
        kernels::unpack_signs(const_words_of(words), layout, range, to);
      });
    });
  }

  void apply_sign_mask(const at::Tensor& gradient, const at::Tensor& words, const SignLayout& layout,
                       const at::Tensor& y) const override {
    for_storage_type(y.scalar_type(), [&](auto type) {
      using T = decltype(type);
      const T* from = static_cast<const T*>(gradient.const_data_ptr());
      T* to = static_cast<T*>(y.mutable_data_ptr());
      for_pixels(layout, [&](kernels::PixelRange range) {
        kernels::apply_sign_mask(from, const_words_of(words), layout, range, to);
      });
    });
  }

  void prepack(const at::Tensor& weight_words, const XnorShape& shape,
               const at::Tensor& prepacked) const override {
    kernels::xnor_prepack(const_words_of(weight_words), shape, prepacked.mutable_data_ptr());
  }

  void check_prepacked(const char* name, const at::Tensor& prepacked, const XnorShape& shape) const override {
    TORCH_CHECK_VALUE(kernels::is_xnor_prepacked(prepacked.const_data_ptr(), prepacked.numel(), shape),
                      "kones::", name, ": prepacked is not what xnor_prepack makes of a weight [",
                      shape.out_channels, ", ", shape.group_in_channels(), ", ", shape.kernel_height, ", ",
                      shape.kernel_width, "] in ", shape.groups, shape.groups == 1 ? " group" : " groups");
  }

  at::Tensor clean_words(const char* name, const char* argument, const at::Tensor& words,
                         const SignLayout& layout) const override {
    TORCH_CHECK_VALUE(!kernels::has_stray_bits(const_words_of(words), layout), "kones::", name, ": ",
                      argument,
                      " has bits set past its last channel; it takes words as pack_signs makes them");
    return words;
  }

  void convolve(const XnorOperand& x, const at::Tensor& prepacked,
                const XnorRequest& request) const override {
    kernels::XnorInput input;
    input.data = x.tensor.const_data_ptr();
    input.layout = x.layout;
    if (!x.words) {
      const at::ScalarType type = x.tensor.scalar_type();
      input.kind = type == at::kHalf       ? kernels::XnorInput::Kind::float16
                   : type == at::kBFloat16 ? kernels::XnorInput::Kind::bfloat16
                                           : kernels::XnorInput::Kind::float32;
    }
    const auto run = [&](auto type) {
      kernels::xnor_conv2d(input, prepacked.const_data_ptr(), request.shape, epilogue_of(request),
                           output_of<decltype(type)>(request), torch_threads());
    };
    if (request.values.defined() && request.values.scalar_type() == at::kInt) return run(int32_t{});
    for_storage_type(request.values.defined() ? request.values.scalar_type() : at::kFloat, run);
  }
};

}  // namespace

const XnorBackend& cpu_xnor() {
  static const CpuXnor backend;
  return backend;
}

const XnorBackend& xnor_backend([[maybe_unused]] const at::Tensor& x) {
#if defined(KONES_WITH_CUDA)
  if (x.is_cuda()) return cuda_xnor();
#endif
  return cpu_xnor();
}

XnorEpilogue epilogue_of(const XnorRequest& request) {
  const auto parameters = [](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
  };
  XnorEpilogue epilogue;
  epilogue.scale = parameters(request.scale);
  epilogue.bias = parameters(request.bias);
  epilogue.activation = request.activation;
  epilogue.slope = parameters(request.slope);
  epilogue.shift = parameters(request.shift);
  return epilogue;
}

}  // namespace kones::ops
