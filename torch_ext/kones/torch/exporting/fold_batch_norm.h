// Folds batch norm into integer operations: one multiply-shift or one threshold a channel.
#pragma once

#include <cstdint>
#include <string>

#include "kones/package/package.h"

namespace kones {

/// One channel's batch norm in evaluation mode, y = gamma * (x - mean) / sqrt(variance + epsilon) + beta.
struct ChannelNorm {
  double gamma;
  double beta;
  double mean;
  double variance;
  double epsilon;
};

/// y as a function of the accumulator: y = slope * accumulator + intercept, with x = unit * accumulator.
struct AffineMap {
  double slope;
  double intercept;
};

AffineMap fold_norm(const ChannelNorm& norm, double unit);

/// Appends the channel to `operation`: floor((accumulator * multiplier + addend) / 2^shift) is y *
/// 2^fraction_bits, rounded half up. The multiplier has 15 bits and a sign: the shift is the largest, up to
/// 47, for which it fits. Throws Error, with `where`, for values that no shift from 0 to 47 can represent.
void append_requantize(const AffineMap& map, int fraction_bits, const std::string& where,
                       package::Requantize& operation);

/// Appends the channel to `operation`: +1 where y >= 0, which is where the accumulator, of 32 or 64 bits, is
/// at least (slope > 0) or at most (slope < 0) -intercept / slope. Throws Error, with `where`, for a map that
/// is not finite.
void append_threshold(const AffineMap& map, int accumulator_bits, const std::string& where,
                      package::Threshold& operation);

/// How precise the constants of an addition are.
struct AdditionPrecision {
  int smaller_multiplier_bits;  ///< besides the sign, of the smaller multiplier
  bool rounds_half_up;          ///< else down
};

/// Appends the channel to `operation`: floor((a * first_multiplier + b * second_multiplier + addend) /
/// 2^shift) is the sum of both maps, of a and of b, times 2^fraction_bits, rounded half up or down. The shift
/// is the largest, up to 47, for which the smaller multiplier that is not 0 has its bits, the other at most
/// 30, and the addend is within 2^62. Throws Error, with `where`, for values that no shift from 0 to 47 can
/// represent.
void append_add(const AffineMap& first, const AffineMap& second, int fraction_bits,
                const AdditionPrecision& precision, const std::string& where, package::Add& operation);

}  // namespace kones
