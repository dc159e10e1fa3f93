#include "kones/hardware/units.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace kones::hardware {
namespace {

constexpr int measured_max_shift = 7;
constexpr double like_bits = 32;

bool is_integer_part(const std::string& name) {
  return name.rfind("integer_", 0) == 0;
}

/// Stages of a shifter by 0 .. max_shift.
int shift_stages(int max_shift) {
  int stages = 0;
  while ((1 << stages) <= max_shift) ++stages;
  return stages;
}

/// A shifter, and the stage that negates, of this range of shifts against the measured one: its result is as
/// many bits wider as it shifts.
double shifter_scale(int max_shift, int bits) {
  const auto size = [bits](int shift) {
    return static_cast<double>(bits + shift) * (shift_stages(shift) + 1);
  };
  return size(max_shift) / size(measured_max_shift);
}

/// `one` for the first of `terms` powers of two, and for each other what `two` takes more than it.
UnitCost terms_of(const UnitCost& one, const UnitCost& two, int terms) {
  const auto chain = [terms](const Estimate& first, const Estimate& both) {
    const double value = first.value + (terms - 1) * (both.value - first.value);
    // As uncertain as the unit that is the larger part of it.
    const Estimate& base = terms == 1 ? first : both;
    return base * (value / base.value);
  };
  return {chain(one.energy, two.energy), chain(one.area, two.area)};
}

UnitCost float_terms(const Parts& parts, int terms) {
  const char* two = parts.two_shifts() == TwoShifts::generic ? "fp32_two_shifts_generic" : "fp32_two_shifts";
  return terms_of(parts.get("fp32_shift"), parts.get(two), terms);
}

UnitCost integer_terms(const Parts& parts, int terms, int max_shift, int bits) {
  const UnitCost unit =
      terms_of(parts.get("integer_shift", bits), parts.get("integer_two_shifts", bits), terms);
  return unit * shifter_scale(max_shift, bits);
}

UnitCost sign_terms(const Parts& parts, int terms, int max_shift) {
  const double range = (max_shift + 1.0) / (measured_max_shift + 1.0);
  return terms_of(parts.get("sign_shift"), parts.get("sign_two_shifts"), terms) * range;
}

UnitCost gates(const Parts& parts, double count) {
  return parts.get("gate") * count;
}

int shifts_of(const NumberFormat& format) {
  return format.max_exponent - format.min_exponent;
}

/// One family's units.
struct UnitRow {
  FormatFamily family;
  UnitCost (*with_float32)(const Parts&, const NumberFormat&);
  UnitCost (*with_fixed_point)(const Parts&, const NumberFormat&, int bits);
  UnitCost (*with_sign)(const Parts&, const NumberFormat&);
  bool counts_signs;  ///< whether its products with signs are 0 or 1, and are counted
};

const UnitRow rows[] = {
    {FormatFamily::k_ones,
     [](const Parts& parts, const NumberFormat& f) { return float_terms(parts, f.terms); },
     [](const Parts& parts, const NumberFormat& f, int bits) {
       return integer_terms(parts, f.terms, f.max_shift, bits);
     },
     [](const Parts& parts, const NumberFormat& f) { return sign_terms(parts, f.terms, f.max_shift); },
     false},
    {FormatFamily::binary, [](const Parts& parts, const NumberFormat&) { return gates(parts, 1); },
     [](const Parts& parts, const NumberFormat&, int bits) { return gates(parts, bits); },
     [](const Parts& parts, const NumberFormat&) { return gates(parts, 1); }, true},
    {FormatFamily::power_of_two,
     [](const Parts& parts, const NumberFormat& f) {
       return float_terms(parts, 1) + gates(parts, f.zero ? 32 : 0);
     },
     [](const Parts& parts, const NumberFormat& f, int bits) {
       return integer_terms(parts, 1, shifts_of(f), bits) + gates(parts, f.zero ? bits + shifts_of(f) : 0);
     },
     [](const Parts& parts, const NumberFormat& f) {
       return sign_terms(parts, 1, shifts_of(f)) + gates(parts, f.zero ? shifts_of(f) + 1 : 0);
     },
     false},
    {FormatFamily::ternary, [](const Parts& parts, const NumberFormat&) { return gates(parts, 1 + 32); },
     [](const Parts& parts, const NumberFormat&, int bits) { return gates(parts, 2.0 * bits); },
     [](const Parts& parts, const NumberFormat&) { return gates(parts, 2); }, true},
    {FormatFamily::fixed_point,
     [](const Parts& parts, const NumberFormat&) { return parts.get("fp32_multiply"); },
     [](const Parts& parts, const NumberFormat& f, int bits) {
       return parts.get("integer_multiply", static_cast<double>(f.code_bits()) * bits);
     },
     [](const Parts& parts, const NumberFormat& f) { return gates(parts, f.code_bits()); }, false},
};

const UnitRow& row_of(const NumberFormat& format) {
  for (const UnitRow& row : rows) {
    if (row.family == format.family) return row;
  }
  throw std::invalid_argument("no unit multiplies by " + format.name());
}

}  // namespace

Parts::Parts(const Constants& constants, Energies energies, TwoShifts two_shifts)
    : constants_(constants), energies_(energies), two_shifts_(two_shifts) {
  for (const std::string& name : part_names()) {
    if (!is_integer_part(name)) fixed_[name] = get(name, 1);
  }
}

UnitCost Parts::get(const std::string& name, double bits) const {
  const Constant& measured = constants_.get("energy.measured." + name);
  const Constant& horowitz = constants_.get("energy.horowitz." + name);
  const Constant& area = constants_.get("area." + name);
  UnitCost unit;
  unit.area = Estimate::within(area.at(bits), area.factor);
  if (energies_ == Energies::measured) {
    unit.energy = Estimate::within(energy("measured", name, bits), measured.factor);
  } else if (energies_ == Energies::horowitz) {
    unit.energy = Estimate::within(energy("horowitz", name, bits), horowitz.factor);
  } else {
    unit.energy = Estimate::within(std::sqrt(energy("measured", name, bits) * energy("horowitz", name, bits)),
                                   std::max(measured.factor, horowitz.factor));
  }
  return unit;
}

double Parts::energy(const std::string& set, const std::string& name, double bits) const {
  const Constant& constant = constants_.get("energy." + set + "." + name);
  if (constant.like.empty())
    return constant.at(bits) * constants_.processes.at(constant.process).energy_factor;
  const double anchor = energy("measured", constant.like, like_bits);
  return energy("measured", name, bits) / anchor * energy(set, constant.like, like_bits);
}

UnitCost multiply_unit(const Parts& parts, const std::optional<NumberFormat>& format,
                       const Operand& activation) {
  if (!format) {
    return activation.kind == Operand::Kind::sign ? gates(parts, 1) : parts.get("fp32_multiply");
  }
  const UnitRow& row = row_of(*format);
  switch (activation.kind) {
    case Operand::Kind::float32:
      return row.with_float32(parts, *format);
    case Operand::Kind::fixed_point:
      return row.with_fixed_point(parts, *format, activation.bits);
    case Operand::Kind::sign:
      return row.with_sign(parts, *format);
  }
  throw std::invalid_argument("no such operand");
}

UnitCost accumulate_unit(const Parts& parts, const std::optional<NumberFormat>& format,
                         const Operand& activation, int accumulator_bits) {
  if (!format || activation.kind == Operand::Kind::float32) return parts.get("fp32_add");
  if (activation.kind == Operand::Kind::sign && row_of(*format).counts_signs) return parts.get("popcount");
  return parts.get("integer_add", accumulator_bits);
}

}  // namespace kones::hardware
