// Fixed point with the best signal-to-quantization-noise ratio (Lin, Talathi and Annapureddy, "Fixed Point
// Quantization of Deep Convolutional Networks", ICML 2016, section 3).
#pragma once

#include <ATen/core/Tensor.h>

namespace kones::quantizers {

/// The density that the values are taken to have, always symmetric about 0 and of standard deviation 1.
enum class SqnrDensity {
  gaussian,
  laplacian,
  uniform,
};

/// Where the quantizer's 2^bits levels lie, in steps.
enum class SqnrGrid {
  mid_rise,   ///< +-1/2, +-3/2, ..., as in the paper's table
  mid_tread,  ///< -2^(bits-1), ..., 0, ..., 2^(bits-1) - 1: two's complement, what fixed_point has
};

/// A step size in standard deviations, and the ratio in decibels, 10 log10(1 / E[(x - q(x))^2]), it leads to.
struct SqnrStep {
  double step;
  double sqnr_db;
};

/// The step size that maximizes the ratio (the paper's table 1 for mid_rise; to four places 1.5958, 0.9957,
/// 0.5860, 0.3352 for 1 to 4 bits, Gaussian). It is computed: the derivative of the error by the step, a sum
/// over the cells of closed forms of the density's moments, is brought to zero by bisection; in float64 that
/// is good to 6 digits at least. bits is 1 to 12. Throws c10::Error.
SqnrStep sqnr_optimal_step(SqnrDensity density, int64_t bits, SqnrGrid grid = SqnrGrid::mid_tread);

/// The mean squared error, with standard deviation 1, of any step, positive and finite.
double sqnr_error(SqnrDensity density, int64_t bits, double step, SqnrGrid grid = SqnrGrid::mid_tread);

/// Arguments of the operator fixed_point.
struct FixedPointFormat {
  int64_t integer_bits;
  int64_t fraction_bits;
  bool is_signed;
};

/// The paper's rule: with s = sigma times the optimal step, fraction_bits = -ceil(log2 s), the finest power
/// of two that is not below the optimal step. sigma is the spread that the numbers have about 0: where a mean
/// is not taken away, sqrt(mean x^2). Signed. sigma is positive and finite, bits 1 to 12, and the format one
/// that fixed_point takes. Throws c10::Error.
FixedPointFormat sqnr_format(SqnrDensity density, int64_t bits, double sigma,
                             SqnrGrid grid = SqnrGrid::mid_tread);

/// The format with the smallest expected squared error of all that have `bits` bits: as fixed_point can but
/// have steps that are powers of two, not always the rule's. Otherwise as sqnr_format.
FixedPointFormat sqnr_best_format(SqnrDensity density, int64_t bits, double sigma);

/// The format with the smallest squared error on the values themselves, each rounded to nearest by the
/// operator fixed_point, the error summed in float64; of equals, the one with more integer bits. It takes
/// any distribution, such as the one-sided one behind a ReLU with is_signed = false. x is float32, float16 or
/// bfloat16, of any shape, all finite, and not all zero. bits is 1 to 24. Throws c10::Error.
FixedPointFormat sqnr_best_format(const at::Tensor& x, int64_t bits, bool is_signed = true);

}  // namespace kones::quantizers
