// The arithmetic units of an accelerator: what multiplies a weight of a number format by an activation, and
// what adds the product to a neuron's sum. One table maps formats to units, as numeric/format.h does for
// levels.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "kones/hardware/assumptions.h"
#include "kones/hardware/constants.h"
#include "kones/hardware/estimate.h"
#include "kones/hardware/layer_work.h"
#include "kones/numeric/format.h"

namespace kones::hardware {

/// What a unit takes.
struct UnitCost {
  Estimate energy;  ///< pJ an operation at 65 nm, 1.0 V; switching and internal, no leakage
  Estimate area;    ///< equivalents of a NAND gate of two inputs
};

inline UnitCost operator+(UnitCost a, const UnitCost& b) {
  a.energy += b.energy;
  a.area += b.area;
  return a;
}

/// times >= 0.
inline UnitCost operator*(const UnitCost& a, double times) {
  return {a.energy * times, a.area * times};
}

/// The parts of units, by the names of constants.toml, under the constants and the choices of energies and of
/// the unit of two shifts.
class Parts {
 public:
  Parts(const Constants& constants, Energies energies, TwoShifts two_shifts);

  /// A part without a width: "fp32_add".
  const UnitCost& get(const std::string& name) const { return fixed_.at(name); }
  /// A part of a width in bits, > 0: "integer_add".
  UnitCost get(const std::string& name, double bits) const;
  TwoShifts two_shifts() const { return two_shifts_; }

 private:
  double energy(const std::string& set, const std::string& name, double bits) const;

  const Constants& constants_;
  Energies energies_;
  TwoShifts two_shifts_;
  std::map<std::string, UnitCost> fixed_;
};

/// What multiplies a weight of `format` (none: float32) by `activation`:
/// float32 activations: float32 and fixed-point weights a float32 multiplier; a power of two, and one term of
/// k-ones, a subtraction of exponents; k terms by TwoShifts; binary an XNOR of signs; ternary that and a gate
/// on every bit. Fixed point of b bits: fixed-point weights of a bits an a x b multiplier; powers of two a
/// shifter and a negation, exact; k terms so many of these and k - 1 adders; binary an XNOR on every bit,
/// ternary two gates on every bit. Signs: powers of two a decoder; fixed point an XNOR on every bit; binary
/// an XNOR, ternary and a gate. Measured are LightNN-1 and -2 with shifts 0..7; more terms add what the
/// second one adds, other shifts scale a shifter by the width of its result and its number of stages.
/// `format` must have codes.
UnitCost multiply_unit(const Parts& parts, const std::optional<NumberFormat>& format,
                       const Operand& activation);

/// What adds a product to the sum: a float32 adder where either operand is float32 and the activation is no
/// sign, or the weight float32; a bit of a population count for binary or ternary weights and signs; else an
/// integer adder of accumulator_bits.
UnitCost accumulate_unit(const Parts& parts, const std::optional<NumberFormat>& format,
                         const Operand& activation, int accumulator_bits);

}  // namespace kones::hardware
