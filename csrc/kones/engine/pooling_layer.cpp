// MaxPool2d and AvgPool2d.
#include "kones/engine/layer_kernel.h"
#include "kones/kernels/channelwise.h"

namespace kones::engine {
namespace {

template <typename Pool>
kernels::PoolShape pool_shape(const Pool& pool, const StoredTensor& from, const StoredTensor& to) {
  return {from.channels,     from.height,         from.width,        to.height,
          to.width,          pool.kernel_height,  pool.kernel_width, pool.stride_height,
          pool.stride_width, pool.padding_height, pool.padding_width};
}

class MaxPoolLayer : public LayerKernel {
 public:
  MaxPoolLayer(const package::MaxPool2d& pool, const LayerTensors& tensors)
      : from_(*tensors.inputs[0]), to_(*tensors.output), shape_(pool_shape(pool, from_, to_)) {}

  void run(const std::vector<const void*>& inputs, void* output, int64_t images,
           LayerScratch&) const override {
    with_element(from_.element, [&](auto zero) {
      using T = decltype(zero);
      for (int64_t image = 0; image < images; ++image) {
        kernels::max_pool(static_cast<const T*>(inputs[0]) + image * from_.elements(), shape_,
                          static_cast<T*>(output) + image * to_.elements());
      }
    });
  }

 private:
  StoredTensor from_;
  StoredTensor to_;
  kernels::PoolShape shape_;
};

class AvgPoolLayer : public LayerKernel {
 public:
  AvgPoolLayer(const package::AvgPool2d& pool, const LayerTensors& tensors)
      : from_(*tensors.inputs[0]),
        to_(*tensors.output),
        shape_(pool_shape(pool, from_, to_)),
        multiple_(pool.multiple) {}

  void run(const std::vector<const void*>& inputs, void* output, int64_t images,
           LayerScratch&) const override {
    with_element(from_.element, [&](auto zero) {
      using In = decltype(zero);
      for (int64_t image = 0; image < images; ++image) {
        const In* x = static_cast<const In*>(inputs[0]) + image * from_.elements();
        if (to_.element == Element::int64) {
          kernels::avg_pool(x, shape_, from_.zero_point, multiple_,
                            static_cast<int64_t*>(output) + image * to_.elements());
        } else {
          kernels::avg_pool(x, shape_, from_.zero_point, multiple_,
                            static_cast<int32_t*>(output) + image * to_.elements());
        }
      }
    });
  }

 private:
  StoredTensor from_;
  StoredTensor to_;
  kernels::PoolShape shape_;
  int64_t multiple_;
};

}  // namespace

std::unique_ptr<LayerKernel> make_layer(const package::MaxPool2d& pool, const LayerTensors& tensors) {
  tensors.output->element = tensors.inputs[0]->element;
  tensors.output->zero_point = tensors.inputs[0]->zero_point;
  return std::make_unique<MaxPoolLayer>(pool, tensors);
}

std::unique_ptr<LayerKernel> make_layer(const package::AvgPool2d& pool, const LayerTensors& tensors) {
  if (tensors.inputs[0]->element == Element::int64) tensors.output->element = Element::int64;
  return std::make_unique<AvgPoolLayer>(pool, tensors);
}

}  // namespace kones::engine
