#include "kones/torch/exporting/export_options.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "kones/error.h"
#include "kones/torch/exporting/activation_format.h"

namespace kones {
namespace {

int parse_width(const std::string& text) {
  int width = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
  if (error != std::errc() || end != text.data() + text.size() || width < min_activation_bits ||
      width > max_activation_bits) {
    throw UsageError("activations have " + std::to_string(min_activation_bits) + " to " +
                     std::to_string(max_activation_bits) + " bits, not \"" + text + "\"");
  }
  return width;
}

}  // namespace

const std::vector<std::string>& calibration_names() {
  static const std::vector<std::string> names = {"range", "error"};
  return names;
}

void parse_activation_bits(const std::string& text, ExportOptions& options) {
  if (text.find('=') == std::string::npos) {
    options.activation_bits = parse_width(text);
    return;
  }
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string item = text.substr(begin, end - begin);
    const size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError("--activation-bits takes a width, or LAYER=WIDTH,LAYER=WIDTH,*=WIDTH; \"" + item +
                       "\" is neither");
    }
    const std::string layer = item.substr(0, equals);
    const int width = parse_width(item.substr(equals + 1));
    const bool is_new = layer == "*" ? !std::exchange(options.activation_bits, width).has_value()
                                     : options.layer_bits.emplace(layer, width).second;
    if (!is_new) throw UsageError("--activation-bits gives two widths for " + layer);
    begin = end + 1;
  }
}

Calibration parse_calibration(const std::string& name) {
  if (name == "range") return Calibration::range;
  if (name == "error") return Calibration::error;
  throw UsageError("there is no calibration \"" + name + "\"; there is range, error");
}

}  // namespace kones
