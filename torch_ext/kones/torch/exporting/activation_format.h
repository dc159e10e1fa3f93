// The fixed-point formats of a package's activations: what radix points suit the activations that training
// saw.
#pragma once

#include <cstdint>
#include <vector>

namespace kones {

struct ActivationFormat {
  int bits = 8;
  int fraction_bits = 0;
};

/// Width of the activations between layers, unsigned after ReLU, unless another is asked for.
inline constexpr int default_activation_bits = 8;
inline constexpr int min_activation_bits = 4;
inline constexpr int max_activation_bits = 16;

/// Width of the network's outputs, signed.
inline constexpr int output_bits = 16;

/// Fraction bits of the wide sums of residuals that signs are taken of.
inline constexpr int sum_bits = 32;
inline constexpr int sum_fraction_bits = 16;

/// The largest number of fraction bits, -126..126, with which a magnitude of `largest` still fits in an
/// integer of `bits` bits (unsigned, or one less and signed). A `largest` of 0 counts as 1.
int fraction_bits_for(double largest, int bits, bool is_signed);

/// The number of fraction bits, -126..126, with which unsigned integers of `bits` bits have the smallest mean
/// squared error on activations of this histogram (train/histogram.h), each bin taken as uniform; of equal
/// ones the largest. Without a positive activation it is fraction_bits_for(0, bits, false).
int fraction_bits_by_error(const std::vector<int64_t>& histogram, int bits);

}  // namespace kones
