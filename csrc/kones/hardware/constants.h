// The constants of the cost model: constants.toml beside this file, which the library carries in itself, and
// files of the same form that replace some of them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kones/hardware/estimate.h"

namespace kones::hardware {

/// Where a number was found.
struct Process {
  std::string description;
  double energy_factor = 1.0;  ///< turns its energies into 65 nm, 1.0 V
  std::string source;          ///< of the factor
};

/// One number, or one at each of several widths.
struct Constant {
  std::vector<std::pair<double, double>> points;  ///< (bits, value), bits ascending; one point: any width
  std::string like;     ///< of what its energy is a fixed multiple in another set; then there are no points
  std::string unit;     ///< "pJ", "pJ/bit", "gate", "um2", "bit", "cycle", "MHz", "1"
  std::string process;  ///< a name in Constants::processes
  std::string source;
  double factor = 1.0;  ///< >= 1: the true value lies in value / factor .. value * factor
  std::string file;     ///< where it was read, for error messages and reports

  /// The value at a width, bits > 0: on the line through the two nearest points, log(value) over log(bits).
  double at(double bits) const;
};

/// Checked constants, by their dotted names in the file ("energy.measured.fp32_add"): all that the model
/// needs are there, each of its unit and of a known process.
struct Constants {
  std::map<std::string, Process> processes;
  std::map<std::string, Constant> values;

  /// The constant called `name`, which must be one of constants.toml.
  const Constant& get(const std::string& name) const { return values.at(name); }
  /// Its value and range; only for constants of one point.
  Estimate estimate(const std::string& name) const;
};

/// Those of constants.toml.
const Constants& built_in_constants();

/// The built-in constants, with those that `file` gives in place of theirs: whole tables, such as
/// [memory.energy] with its value, unit, process, source and factor. Throws Error that says file, line and
/// what is wrong.
Constants read_constants(const std::filesystem::path& file);

/// As read_constants, from a text; `name` stands for the file in error messages.
Constants parse_constants(std::string_view text, const std::string& name);

/// The names in a set of energies and in [area]: what the units of kones/hardware/units.h are built of.
const std::vector<std::string>& part_names();

}  // namespace kones::hardware
