// Convolutions of integers with integer weights, and linear layers as convolutions of images of one pixel:
// exact sums of products. Padded pixels add nothing.
#pragma once

#include <cstdint>
#include <memory>

#include "kones/kernels/cpu_tier.h"
#include "kones/kernels/parallel.h"

namespace kones::kernels {

/// The sizes of a two-dimensional convolution. Group g of the inputs is channels g * group_in_channels() ..
/// and makes group g of the outputs.
struct IntegerShape {
  int64_t in_channels = 1;  ///< a multiple of groups
  int64_t in_height = 1;
  int64_t in_width = 1;
  int64_t out_channels = 1;  ///< a multiple of groups
  int64_t kernel_height = 1;
  int64_t kernel_width = 1;
  int64_t stride_height = 1;
  int64_t stride_width = 1;
  int64_t padding_height = 0;
  int64_t padding_width = 0;
  int64_t dilation_height = 1;
  int64_t dilation_width = 1;
  int64_t groups = 1;

  int64_t group_in_channels() const { return in_channels / groups; }
  int64_t group_out_channels() const { return out_channels / groups; }
  int64_t taps() const { return kernel_height * kernel_width; }
  /// Levels of an output.
  int64_t inputs() const { return group_in_channels() * taps(); }
  int64_t out_height() const {
    return (in_height + 2 * padding_height - dilation_height * (kernel_height - 1) - 1) / stride_height + 1;
  }
  int64_t out_width() const {
    return (in_width + 2 * padding_width - dilation_width * (kernel_width - 1) - 1) / stride_width + 1;
  }
};

/// What activations are stored as.
enum class IntegerOperand {
  uint8,  ///< the number is the byte less a zero point: 0 for unsigned ones, 128 for signed ones of 8 bits
  int16,
  int32,  ///< their sums are int64
};

/// Weights in the order in which a tier's kernels read them, for activations of one kind.
class IntegerConv2d {
 public:
  /// The largest magnitude of the levels that activations of 8 and 16 bits take: that of four terms of
  /// k-ones.
  static constexpr int32_t max_level = int32_t{1} << 17;

  /// levels: [out_channels][inputs()], input (c * kernel_height + ky) * kernel_width + kx of a group. `shape`
  /// is one that convolutions have (every size positive, an output of at least one pixel). zero_point: 0 to
  /// 255, and 0 unless the operand is uint8. Throws std::invalid_argument for levels beyond max_level unless
  /// the operand is int32, which takes all.
  IntegerConv2d(const int32_t* levels, const IntegerShape& shape, IntegerOperand operand, int zero_point = 0,
                CpuTier tier = cpu_tier());
  IntegerConv2d(IntegerConv2d&&) noexcept;
  IntegerConv2d& operator=(IntegerConv2d&&) noexcept;
  ~IntegerConv2d();

  const IntegerShape& shape() const;
  IntegerOperand operand() const;

  /// x: [batch][in_height][in_width] pixels of in_channels neighbours, one pixel in_stride elements after the
  /// other; nothing else is read. sums: [batch][out_height][out_width] pixels of out_channels neighbours,
  /// sum_stride elements apart; nothing else is written. The function of the object's operand, or
  /// std::invalid_argument is thrown. Sums are modulo 2^32, those of int32 modulo 2^64: exact where they are
  /// within the type, whatever partial sums are. May run on several threads at once.
  void run(const uint8_t* x, int64_t in_stride, int64_t batch, int32_t* sums, int64_t sum_stride,
           const Parallel& parallel = {}) const;
  void run(const int16_t* x, int64_t in_stride, int64_t batch, int32_t* sums, int64_t sum_stride,
           const Parallel& parallel = {}) const;
  void run(const int32_t* x, int64_t in_stride, int64_t batch, int64_t* sums, int64_t sum_stride,
           const Parallel& parallel = {}) const;

 private:
  std::unique_ptr<const struct IntegerPlan> plan_;
};

}  // namespace kones::kernels
