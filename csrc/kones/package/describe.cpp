#include "kones/package/describe.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include <nlohmann/json.hpp>

#include "kones/package/accumulator_bits.h"
#include "kones/package/file_header.h"
#include "kones/package/tiles.h"
#include "kones/package/validate.h"

namespace kones::package {
namespace {

/// Weights, and the bytes that they take.
struct Sizes {
  uint64_t weights = 0;
  uint64_t code_bytes = 0;

  uint64_t float32_bytes() const { return weights * 4; }
  double ratio() const {
    return code_bytes == 0 ? 0.0 : static_cast<double>(float32_bytes()) / static_cast<double>(code_bytes);
  }

  void operator+=(const Sizes& other) {
    weights += other.weights;
    code_bytes += other.code_bytes;
  }
};

Sizes sizes_of(const Weights& weights) {
  return {weights.levels.size(), packed_bytes(weights.format, weights.outputs, weights.inputs)};
}

Sizes sizes_of(const Network& network) {
  Sizes sizes;
  for (const Layer& layer : network.layers) {
    if (const Weights* weights = weights_of(layer.operation)) sizes += sizes_of(*weights);
  }
  return sizes;
}

std::string pair(uint32_t height, uint32_t width) {
  return std::to_string(height) + "x" + std::to_string(width);
}

std::string geometry(const Linear& linear) {
  return std::to_string(linear.weights.inputs) + " to " + std::to_string(linear.weights.outputs);
}

std::string geometry(const Conv2d& conv) {
  std::string text = "kernel " + pair(conv.kernel_height, conv.kernel_width);
  text += ", stride " + pair(conv.stride_height, conv.stride_width);
  text += ", padding " + pair(conv.padding_height, conv.padding_width);
  if (conv.dilation_height != 1 || conv.dilation_width != 1) {
    text += ", dilation " + pair(conv.dilation_height, conv.dilation_width);
  }
  if (conv.groups != 1) text += ", groups " + std::to_string(conv.groups);
  return text;
}

template <typename Pool>
std::string window(const Pool& pool) {
  std::string text = "kernel " + pair(pool.kernel_height, pool.kernel_width);
  text += ", stride " + pair(pool.stride_height, pool.stride_width);
  text += ", padding " + pair(pool.padding_height, pool.padding_width);
  return pool.ceil_mode ? text + ", ceil" : text;
}

std::string geometry(const MaxPool2d& pool) {
  return window(pool);
}

std::string geometry(const AvgPool2d& pool) {
  return window(pool) + ", in units of 1/" + std::to_string(pool.multiple);
}

std::string shifts(const std::vector<uint8_t>& shift) {
  const auto [least, most] = std::minmax_element(shift.begin(), shift.end());
  return "shifts " + std::to_string(*least) + ".." + std::to_string(*most);
}

std::string geometry(const Add& add) {
  return shifts(add.shift);
}

std::string geometry(const Requantize& requantize) {
  return shifts(requantize.shift);
}

std::string geometry(const Threshold& threshold) {
  const auto falling = std::count(threshold.rising.begin(), threshold.rising.end(), 0);
  return std::to_string(falling) + " of " + std::to_string(threshold.rising.size()) + " falling";
}

std::string geometry_of(const Layer& layer) {
  return std::visit([](const auto& operation) { return geometry(operation); }, layer.operation);
}

std::string type_of(const Tensor& tensor) {
  if (tensor.kind == TensorKind::integer) return tensor.is_wide() ? "wide integers" : "integers";
  if (tensor.kind == TensorKind::sign) return "signs";
  return std::string(tensor.is_signed ? "signed " : "unsigned ") + std::to_string(tensor.bits) +
         " bits * 2^" + std::to_string(-tensor.fraction_bits);
}

std::string shape_of(const Tensor& tensor) {
  return std::to_string(tensor.channels) + "x" + pair(tensor.height, tensor.width);
}

std::string text_of(const Sizes& sizes) {
  std::array<char, 32> ratio{};
  std::snprintf(ratio.data(), ratio.size(), "%.2f", sizes.ratio());
  return std::to_string(sizes.weights) + " weights: " + std::to_string(sizes.code_bytes) +
         " bytes of codes, " + std::to_string(sizes.float32_bytes()) + " in float32, " + ratio.data() +
         " times fewer";
}

using Row = std::vector<std::string>;

/// Left-aligned columns, two spaces apart.
std::string table_of(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows[0].size(), 0);
  for (const Row& row : rows) {
    for (std::size_t column = 0; column < row.size(); ++column)
      widths[column] = std::max(widths[column], row[column].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      line += "  " + row[column] + std::string(widths[column] - row[column].size(), ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string describe_network(const Network& network) {
  const std::vector<IntegerRange> ranges = validate(network);
  const Tensor& input = network.tensors[network.input.tensor];
  std::string text = "network " + network.name + ": model " + network.model + ", method " + network.method +
                     ", data set " + network.dataset + "\n";
  text += "  input " + shape_of(input) + ": byte b enters as " + std::to_string(network.input.multiplier) +
          " * b " + (network.input.offset < 0 ? "- " : "+ ") +
          std::to_string(std::abs(int64_t{network.input.offset})) + ", in units of 1/" +
          std::to_string(network.input.divisor) + "\n";
  std::vector<Row> rows{
      {"layer", "operation", "geometry", "output", "type", "weights", "bytes", "|sum| at most", "bits"}};
  for (const Layer& layer : network.layers) {
    const Tensor& output = network.tensors[layer.output];
    Row row{layer.name, operation_name(layer.operation), geometry_of(layer), shape_of(output),
            type_of(output)};
    if (const Weights* weights = weights_of(layer.operation)) {
      const int64_t bound = ranges[layer.output].maximum;
      row.insert(row.end(), {weights->format.name(), std::to_string(sizes_of(*weights).code_bytes),
                             std::to_string(bound), std::to_string(accumulator_bits(bound))});
    }
    rows.push_back(row);
  }
  text += table_of(rows);
  text += "  " + text_of(sizes_of(network)) + "\n";
  text += "  " + std::to_string(network.golden.size()) + " golden vectors\n";
  return text;
}

nlohmann::ordered_json json_of(const Sizes& sizes) {
  return {{"weights", sizes.weights},
          {"code_bytes", sizes.code_bytes},
          {"float32_bytes", sizes.float32_bytes()},
          {"ratio", sizes.ratio()}};
}

nlohmann::ordered_json json_of(const Network& network) {
  const std::vector<IntegerRange> ranges = validate(network);
  const Tensor& input = network.tensors[network.input.tensor];
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const Layer& layer : network.layers) {
    const Tensor& output = network.tensors[layer.output];
    nlohmann::ordered_json entry{{"name", layer.name},
                                 {"operation", operation_name(layer.operation)},
                                 {"geometry", geometry_of(layer)},
                                 {"output", {output.channels, output.height, output.width}},
                                 {"type", type_of(output)}};
    if (const Weights* weights = weights_of(layer.operation)) {
      const int64_t bound = ranges[layer.output].maximum;
      entry["format"] = weights->format.name();
      entry["code_bits"] = weights->format.code_bits();
      entry["storage_bits"] = weights->format.storage_bits();
      entry["weights"] = weights->levels.size();
      entry["code_bytes"] = sizes_of(*weights).code_bytes;
      entry["accumulator_bound"] = bound;
      entry["accumulator_bits"] = accumulator_bits(bound);
    }
    layers.push_back(std::move(entry));
  }
  nlohmann::ordered_json result{{"name", network.name},
                                {"model", network.model},
                                {"method", network.method},
                                {"dataset", network.dataset},
                                {"input",
                                 {{"shape", {input.channels, input.height, input.width}},
                                  {"multiplier", network.input.multiplier},
                                  {"offset", network.input.offset},
                                  {"divisor", network.input.divisor}}},
                                {"classes", network.tensors[network.output].channels},
                                {"layers", std::move(layers)}};
  result.update(json_of(sizes_of(network)));
  result["golden_vectors"] = network.golden.size();
  return result;
}

Sizes sizes_of(const Package& package) {
  Sizes sizes;
  for (const Network& network : package.networks) sizes += sizes_of(network);
  return sizes;
}

}  // namespace

std::string describe(const Package& package) {
  validate(package);
  std::string text = "kones package, format " + std::to_string(format_major) + "." +
                     std::to_string(format_minor) + ", written by " +
                     (package.producer.empty() ? "an unknown program" : package.producer) + "\n";
  for (const Network& network : package.networks) text += describe_network(network);
  if (package.networks.size() > 1) {
    text +=
        "all " + std::to_string(package.networks.size()) + " networks: " + text_of(sizes_of(package)) + "\n";
  }
  return text;
}

std::string describe_json(const Package& package) {
  validate(package);
  nlohmann::ordered_json result{{"producer", package.producer},
                                {"networks", nlohmann::ordered_json::array()}};
  for (const Network& network : package.networks) result["networks"].push_back(json_of(network));
  result.update(json_of(sizes_of(package)));
  // Names come from the file and need not be UTF-8.
  return result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace kones::package
