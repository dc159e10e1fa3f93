// The table of weight formats. The encoder, the package, the engine and whoever else needs to know how a
// format is stored go through it; to add a format is to add a file beside this one and a row to the table in
// format.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kones {

/// The families of weight formats; the numbers are stored in packages and never change.
enum class FormatFamily : uint8_t { k_ones = 0, binary = 1 };

/// A weight format: a family and its parameters. A weight is level * 2^-fraction_bits, with an integer level
/// that a code of code_bits stands for.
struct NumberFormat {
  FormatFamily family = FormatFamily::k_ones;
  int terms = 1;      ///< k_ones: how many powers of two, 1..4
  int max_shift = 7;  ///< k_ones: the smallest power is 2^-max_shift, 0..15

  static NumberFormat k_ones(int terms, int max_shift = 7) {
    return {FormatFamily::k_ones, terms, max_shift};
  }
  static NumberFormat binary() { return {FormatFamily::binary, 0, 0}; }

  /// For people: "2-ones, shifts 0..7", "binary".
  std::string name() const;
  /// Whether the parameters are in the family's range; false also for a family that the table does not know.
  bool is_valid() const;
  /// Bits that a code has.
  int code_bits() const;
  /// Bits that a code takes in storage: 1, 2, 4, 8, 16 or 32.
  int storage_bits() const;
  /// The grid: weight = level * 2^-fraction_bits.
  int fraction_bits() const;
  /// The largest level, in grid units; the smallest is its negative.
  int32_t max_level() const;
  /// The code of a level (canonical where a level has several). Throws std::invalid_argument for what is no
  /// level.
  uint32_t encode(int32_t level) const;
  /// The level of a code, any code in 0 .. 2^code_bits - 1. Codes that are not canonical decode too.
  int32_t decode(uint32_t code) const;
  /// Whether `code` is one that encode gives.
  bool is_canonical(uint32_t code) const;
  /// Every level, in grid units, ascending.
  std::vector<int32_t> levels() const;

  bool operator==(const NumberFormat& other) const {
    return family == other.family && terms == other.terms && max_shift == other.max_shift;
  }
  bool operator!=(const NumberFormat& other) const { return !(*this == other); }
};

}  // namespace kones
