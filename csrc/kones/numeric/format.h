// The table of number formats. The quantizers, the encoder, the package, the engine and whoever else needs to
// know what a format's levels are and how they are stored go through it; to add a format is to add a file
// beside this one and a row to the table in format.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kones/numeric/rounding.h"

namespace kones {

/// The families of number formats; the numbers are stored in packages and never change.
enum class FormatFamily : uint8_t { k_ones = 0, binary = 1, power_of_two = 2, ternary = 3, fixed_point = 4 };

/// A number format: a family and its parameters; those of other families are 0. A value is level *
/// 2^-fraction_bits, with an integer level that a code of code_bits stands for.
struct NumberFormat {
  FormatFamily family = FormatFamily::k_ones;
  int terms = 0;           ///< k_ones: how many powers of two, 1..4
  int max_shift = 0;       ///< k_ones: the smallest power is 2^-max_shift, 0..15
  int min_exponent = 0;    ///< power_of_two: the smallest level is 2^min_exponent, -126..max_exponent
  int max_exponent = 0;    ///< power_of_two: the largest level is 2^max_exponent, ..126
  bool zero = false;       ///< power_of_two: whether 0 is a level
  int integer_bits = 0;    ///< fixed_point: bits before the point, the sign among them, -126..126
  int step_exponent = 0;   ///< fixed_point: the step is 2^step_exponent, -126..126
  bool is_signed = false;  ///< fixed_point: two's complement, or unsigned

  static NumberFormat k_ones(int terms, int max_shift = 7);
  static NumberFormat binary();
  static NumberFormat power_of_two(int min_exponent, int max_exponent, bool zero = false);
  static NumberFormat ternary();
  static NumberFormat fixed_point(int integer_bits, int fraction_bits, bool is_signed = true);

  /// For people: "2-ones, shifts 0..7", "binary".
  std::string name() const;
  /// Whether the parameters are in the family's range; false also for a family that the table does not know.
  bool is_valid() const;
  /// Whether levels and codes fit the integers below: they do for all but powers of two more than 30 apart,
  /// which can be computed with but not stored. The functions below throw std::invalid_argument where it is
  /// false.
  bool has_codes() const;
  /// The roundings that choose among the levels.
  std::vector<Rounding> roundings() const;
  /// Bits that a code has.
  int code_bits() const;
  /// Bits that a code takes in storage: 1, 2, 4, 8, 16 or 32.
  int storage_bits() const;
  /// The grid: value = level * 2^-fraction_bits.
  int fraction_bits() const;
  /// The smallest and the largest level, in grid units.
  int32_t min_level() const;
  int32_t max_level() const;
  /// Whether `level` is a level, in grid units.
  bool is_level(int32_t level) const;
  /// The code of a level (canonical where a level has several). Throws std::invalid_argument for what is no
  /// level.
  uint32_t encode(int32_t level) const;
  /// The level of a code, any code in 0 .. 2^code_bits - 1. Codes that are not canonical decode too.
  int32_t decode(uint32_t code) const;
  /// Whether `code` is one that encode gives.
  bool is_canonical(uint32_t code) const;
  /// Every level, in grid units, ascending.
  std::vector<int32_t> levels() const;

  bool operator==(const NumberFormat& other) const;
  bool operator!=(const NumberFormat& other) const { return !(*this == other); }
};

}  // namespace kones
