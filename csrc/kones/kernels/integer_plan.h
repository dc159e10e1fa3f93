// How a convolution of integers is computed: what its activations and weights are multiplied as, and where
// they are in memory.
//
// A copy of some images, or of some rows of one, holds their padding too. Each output's window in it is a few
// runs of neighbours: a kernel's rows or, where pixels lie between its taps or channels of other groups, its
// taps. Weights follow in steps of integer_step bytes, the last step of a run with zeros past its end.
// Instead the copy may hold the window of each output pixel, one after the other (`patches`).
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "kones/kernels/integer_conv2d.h"
#include "kones/kernels/tiers/integer_conv2d.h"

namespace kones::kernels {

/// What is multiplied.
enum class IntegerForm {
  bytes,   ///< uint8 by int8
  halves,  ///< int16 by int16
  words,   ///< int32 by int32, sums of int64
};

/// Output channels that are computed together.
struct IntegerPanel {
  int64_t first_output;
  int64_t outputs;
  int vectors;
  int64_t first_lane;  ///< of scale and first_sums
  int64_t first_step;  ///< of step_offsets
  int64_t steps;
  int64_t weights;  ///< where they begin, in bytes
};

struct IntegerPlan {
  IntegerPlan(const int32_t* levels, const ConvolutionShape& shape, IntegerOperand operand, int zero_point,
              CpuTier tier);

  /// Bytes of an element of the copy.
  int64_t element_bytes() const {
    return form == IntegerForm::bytes ? 1 : form == IntegerForm::halves ? 2 : 4;
  }
  /// Input rows and columns that outputs 0 .. count - 1 along an axis reach, from the padding's first.
  int64_t reached_rows(int64_t count) const {
    return (count - 1) * shape.stride_height + shape.dilation_height * (shape.kernel_height - 1) + 1;
  }
  int64_t reached_columns() const {
    return (shape.out_width() - 1) * shape.stride_width + shape.dilation_width * (shape.kernel_width - 1) + 1;
  }
  bool has_padding() const { return shape.padding_height > 0 || shape.padding_width > 0; }
  /// Columns of the copy.
  int64_t copy_width() const { return has_padding() ? reached_columns() : shape.in_width; }

  ConvolutionShape shape;
  IntegerOperand operand;
  int zero_point;
  const IntegerTier* tier;
  IntegerForm form;
  bool patches;
  bool ends_with_runs;  ///< no step reads past a run's end

  std::vector<IntegerPanel> panels;
  std::vector<int64_t> step_offsets;  ///< bytes from the window's first element
  std::vector<int32_t> scale;         ///< by panels, for each lane of their vectors
  std::vector<int32_t> first_sums;

  int64_t weight_bytes = 0;
  struct Free {
    void operator()(int8_t* weights) const { ::operator delete(weights, line); }
  };
  static constexpr std::align_val_t line{64};
  std::unique_ptr<int8_t, Free> weights;
};

}  // namespace kones::kernels
