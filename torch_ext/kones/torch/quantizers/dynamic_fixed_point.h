// Dynamic fixed point: a group of tensors shares a radix point, which moves by how often they overflow
// (Courbariaux, Bengio and David, "Training deep neural networks with low precision multiplications", 2014,
// the section on dynamic fixed point; the rule and its constants as in the authors' code).
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"

namespace kones::quantizers {

/// What a group starts with. In the operator fixed_point's terms: the sign is counted in `bits` and
/// `integer_bits` (the paper counts neither: 10 and 6 here are its 9 and 5).
struct DynamicFixedPointOptions {
  int64_t bits = 10;         ///< of a number, constant: 2 to 24 signed, 1 to 24 unsigned
  int64_t integer_bits = 6;  ///< at first: bits - 126 to 126
  bool is_signed = true;     ///< a sign, as published; or a range from 0
  bool is_symmetric = true;  ///< without the level -2^(integer_bits - 1), as published; or two's complement
  double max_overflow_rate = 1e-4;  ///< 0 to 1
  int64_t period = 100;             ///< steps between two decisions, 1 or more
};

/// A group: the weights of a layer, its activations, or the gradients of either.
///
/// The range is [-top, top], or [-top - 2^-fraction_bits, top] if not symmetric, or [0, top] if unsigned,
/// with fraction_bits = bits - integer_bits and top the largest level. A step is one call of `step`. What is
/// observed in between counts as overflow where |x| >= top (unsigned, x >= top), and as overflow of the half
/// range where |x| reaches the top that one integer bit less would have. Every `period` steps:
///     if the overflow rate is above max_overflow_rate, integer_bits grows by one;
///     else, if that of the half range is not above it, integer_bits shrinks by one;
/// within bits - 126 .. 126; then counting starts anew. If nothing was observed, nothing moves. A NaN counts
/// as an element that does not overflow.
///
/// The whole state is in buffers, so that a module that is saved and loaded in the middle of a period goes on
/// to the same decisions.
class DynamicFixedPointImpl : public torch::nn::Module {
 public:
  /// Throws c10::Error.
  explicit DynamicFixedPointImpl(DynamicFixedPointOptions options = {});

  /// x at the present radix point: x is float32, float16 or bfloat16 of any shape; type, ties, random numbers
  /// and the gradient (it passes inside the range, ends included) are those of the operator fixed_point. In
  /// training mode x is observed first. Throws c10::Error.
  at::Tensor forward(const at::Tensor& x, Rounding rounding = Rounding::nearest, RandomStream stream = {});

  /// Counts x, without quantizing it.
  void observe(const at::Tensor& x);

  /// Ends a step; moves the radix point if a period is over. Returns by how much: -1, 0 or 1.
  int64_t step();

  int64_t integer_bits() const;
  int64_t fraction_bits() const { return options_.bits - integer_bits(); }
  /// The largest level.
  double top() const;
  /// The shares of what was observed since the last decision; 0 if that is nothing.
  double overflow_rate() const;
  double half_range_overflow_rate() const;

  const DynamicFixedPointOptions& options() const { return options_; }

  /// Buffers, int64: the integer bits now, shape []; then steps, elements, overflows and overflows of the
  /// half range since the last decision, shape [4].
  at::Tensor integer_bits_state;
  at::Tensor counts;

 private:
  DynamicFixedPointOptions options_;
  /// The integer bits, and of which state of the buffer: a buffer on a device is not read at every use.
  mutable int64_t cached_bits_ = 0;
  mutable int64_t cached_version_ = -1;
};

TORCH_MODULE(DynamicFixedPoint);

}  // namespace kones::quantizers
