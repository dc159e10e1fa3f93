// Convolutions of integers with integer weights, and linear layers as convolutions of images of one pixel:
// exact sums of products. Padded pixels add nothing.
#pragma once

#include <cstdint>
#include <memory>

#include "kones/kernels/cpu_tier.h"
#include "kones/kernels/parallel.h"
#include "kones/numeric/convolution_shape.h"

namespace kones::kernels {

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
  IntegerConv2d(const int32_t* levels, const ConvolutionShape& shape, IntegerOperand operand,
                int zero_point = 0, CpuTier tier = cpu_tier());
  IntegerConv2d(IntegerConv2d&&) noexcept;
  IntegerConv2d& operator=(IntegerConv2d&&) noexcept;
  ~IntegerConv2d();

  const ConvolutionShape& shape() const;
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
