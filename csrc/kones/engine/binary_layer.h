// A layer of binary weights on signs, computed by counting bits (kones/kernels/xnor_conv2d.h).
#pragma once

#include <cstdint>
#include <vector>

#include "kones/engine/layer_kernel.h"
#include "kones/kernels/integer_conv2d.h"
#include "kones/numeric/xnor_conv2d.h"

namespace kones::engine {

class BinaryLayer : public LayerKernel {
 public:
  /// levels: -1 and +1, [out_channels][shape.inputs()], in the order of kernels::IntegerConv2d.
  BinaryLayer(const std::vector<int32_t>& levels, const ConvolutionShape& shape);

  /// Signs as StoredTensor keeps them, 0 and 2; sums in 32 bits.
  void run(const std::vector<const void*>& inputs, void* output, int64_t images,
           LayerScratch& scratch) const override;

 private:
  XnorShape shape_;
  std::vector<uint64_t> prepacked_;
};

}  // namespace kones::engine
