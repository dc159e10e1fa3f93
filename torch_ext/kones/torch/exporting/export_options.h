// What `kones export` lets its user choose.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kones {

/// How the radix points of activations are found.
enum class Calibration {
  range,  ///< the largest activation that training saw fits
  error,  ///< the mean squared error over training's activations is smallest
};

/// "range" and "error".
const std::vector<std::string>& calibration_names();

struct ExportOptions {
  std::optional<int> activation_bits;     ///< of layers that have no width of their own
  std::map<std::string, int> layer_bits;  ///< by layer
  std::optional<Calibration> calibration;
};

/// Reads a width for all layers ("8"), or a list of widths of layers, with * for the others
/// ("conv2=4,linear3=12,*=8"), into `options`. Throws UsageError.
void parse_activation_bits(const std::string& text, ExportOptions& options);

/// The calibration called `name`. Throws UsageError.
Calibration parse_calibration(const std::string& name);

}  // namespace kones
