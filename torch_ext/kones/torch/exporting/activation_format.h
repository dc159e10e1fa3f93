// The fixed-point formats that a package's activations get from the ranges that training saw.
#pragma once

#include <vector>

namespace kones {

/// The largest number of fraction bits, -126..126, with which a magnitude of `largest` still fits in an
/// integer of `bits` bits (unsigned, or one less and signed). A `largest` of 0 counts as 1.
int fraction_bits_for(double largest, int bits, bool is_signed);

/// Width of the activations between layers, unsigned after ReLU.
inline constexpr int activation_bits = 8;

/// Width of the network's outputs, signed.
inline constexpr int output_bits = 16;

}  // namespace kones
