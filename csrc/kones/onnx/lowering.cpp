#include "kones/onnx/lowering.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <variant>

#include <nlohmann/json.hpp>

#include "kones/error.h"
#include "kones/onnx/window.h"
#include "kones/package/convert/manifest.h"
#include "kones/package/validate.h"
#include "kones/version.h"

namespace kones::onnx_program {
namespace {

using package::Layer;
using package::Network;
using package::Tensor;

constexpr int64_t largest_float64_integer = int64_t{1} << 53;

/// A tensor of the package in the graph: integer = value * 2^exponent.
struct TensorValue {
  Value value;
  int exponent = 0;
  int64_t magnitude = 0;  ///< of its integers, at most
};

/// 2^exponent times each of the numbers; exact where their magnitude is at most 2^53.
template <typename Numbers>
std::vector<double> scaled_numbers(const Numbers& numbers, const std::function<int(std::size_t)>& exponent) {
  std::vector<double> result;
  for (std::size_t index = 0; index < numbers.size(); ++index)
    result.push_back(std::ldexp(static_cast<double>(numbers[index]), exponent(index)));
  return result;
}

class Lowering {
 public:
  Lowering(const Network& network, const Dialect& dialect)
      : network_(network),
        names_(network),
        ranges_(package::validate(network)),
        dialect_(dialect),
        graph_(package::identifier(network.name), dialect.batch()),
        tensors_(network.tensors.size()) {}

  onnx::ModelProto run() {
    lower_input();
    for (std::size_t index = 0; index < network_.layers.size(); ++index) {
      const Layer& layer = network_.layers[index];
      graph_.set_prefix(names_.layers[index] + "_");
      try {
        tensors_[layer.output] =
            std::visit([&](const auto& operation) { return lower_layer(operation, layer); }, layer.operation);
        tensors_[layer.output].magnitude = ranges_[layer.output].magnitude();
      } catch (const Error& error) {
        throw Error("network '" + network_.name + "': layer '" + layer.name + "': " + error.what());
      }
    }
    lower_output();
    dialect_.finish(graph_);
    describe_model();
    return std::move(graph_.model());
  }

 private:
  static bool fits_float32(int64_t magnitude) { return magnitude <= largest_float32_integer; }

  void lower_input() {
    const package::Input& input = network_.input;
    const Tensor& tensor = network_.tensors[input.tensor];
    graph_.set_prefix("input_");
    const Value bytes =
        graph_.input("input", dialect_.input_type(), {tensor.channels, tensor.height, tensor.width});
    dialect_.annotate_input(graph_, bytes);
    const int64_t magnitude = ranges_[input.tensor].magnitude();
    const int64_t most = std::max(magnitude, std::abs(int64_t{input.multiplier}) * 255);
    const Type type = fits_float32(most) ? Type::float32 : Type::float64;
    Value value = graph_.cast(bytes, type);
    if (input.multiplier != 1)
      value = graph_.node({"Mul", {}}, {value, graph_.scalar("multiplier", type, input.multiplier)});
    if (input.offset != 0)
      value = graph_.node({"Add", {}}, {value, graph_.scalar("offset", type, input.offset)});
    tensors_[input.tensor] = {value, 0, magnitude};
  }

  const TensorValue& input_of(const Layer& layer, std::size_t which = 0) const {
    return tensors_[layer.inputs[which]];
  }
  const Tensor& output_of(const Layer& layer) const { return network_.tensors[layer.output]; }

  Value as_vector(const Value& value) {
    if (value.shape.size() == 1) return value;
    return graph_.node({"Flatten", {{"axis", int64_t{1}}}}, {value}, value.type,
                       {value.shape[0] * value.shape[1] * value.shape[2]});
  }

  Value as_image(const Value& value) {
    if (value.shape.size() == 3) return value;
    const Value axes = graph_.constant("axes", Type::int64, {2}, std::vector<int64_t>{2, 3});
    return graph_.node({"Unsqueeze", {}}, {value, axes}, value.type, {value.shape[0], 1, 1});
  }

  /// A number for each channel of `value`.
  template <typename Numbers>
  Value per_channel(const char* what, Type type, const Numbers& numbers, const Value& value) {
    std::vector<int64_t> shape(value.shape.size() + 1, 1);
    shape[1] = static_cast<int64_t>(numbers.size());
    return graph_.constant(what, type, shape, numbers);
  }

  // Sums of products.

  TensorValue lower_layer(const package::Linear& linear, const Layer& layer) {
    const TensorValue& input = input_of(layer);
    const package::Weights& weights = linear.weights;
    std::vector<int32_t> transposed(weights.levels.size());
    for (std::size_t o = 0; o < weights.outputs; ++o) {
      for (std::size_t i = 0; i < weights.inputs; ++i)
        transposed[i * weights.outputs + o] = weights.levels[o * weights.inputs + i];
    }
    Value x = as_vector(input.value);
    Value w = dialect_.weights(graph_, weights.format, transposed, {weights.inputs, weights.outputs});
    const bool is_float32 = dialect_.multiplies_in_float32() && x.type == Type::float32 &&
                            fits_float32(ranges_[layer.output].magnitude());
    const Type type = is_float32 ? Type::float32 : Type::float64;
    x = graph_.cast(x, type);
    w = graph_.cast(w, type);
    return {graph_.node({"MatMul", {}}, {x, w}, type, {weights.outputs}),
            input.exponent + graph_exponent(weights.format.fraction_bits())};
  }

  TensorValue lower_layer(const package::Conv2d& conv, const Layer& layer) {
    const TensorValue& input = input_of(layer);
    const package::Weights& weights = conv.weights;
    const auto make_weights = [&](const std::vector<int64_t>& shape) {
      return dialect_.weights(graph_, weights.format, weights.levels, shape);
    };
    const Value sums = convolve(input.value, window_of(conv), conv.groups, make_weights, layer.output);
    return {sums, input.exponent + graph_exponent(weights.format.fraction_bits())};
  }

  /// The average is a convolution of every channel by itself with ones; then each pixel is multiplied by
  /// multiple / n.
  TensorValue lower_layer(const package::AvgPool2d& pool, const Layer& layer) {
    const TensorValue& input = input_of(layer);
    const Tensor& from = network_.tensors[layer.inputs[0]];
    const Tensor& to = output_of(layer);
    const Window window = window_of(pool, from, to);
    const auto make_ones = [&](const std::vector<int64_t>& shape) {
      return graph_.constant("ones", Type::float32, shape,
                             std::vector<int64_t>(uint64_t{from.channels} * window.kernel_pixels(), 1));
    };
    Value value = convolve(input.value, window, from.channels, make_ones, layer.output);
    std::vector<int64_t> factors;
    for (const int64_t pixels : window.covered_pixels(from, to)) factors.push_back(pool.multiple / pixels);
    if (std::any_of(factors.begin(), factors.end(), [](int64_t factor) { return factor != 1; })) {
      value = graph_.node(
          {"Mul", {}}, {value, graph_.constant("factor", value.type, {1, 1, to.height, to.width}, factors)});
    }
    return {value, input.exponent};
  }

  /// The sums of a convolution. make_weights(shape) gives [outputs][inputs of a group][kernel height][kernel
  /// width] in that shape, float32.
  template <typename MakeWeights>
  Value convolve(const Value& input, const Window& window, uint32_t groups, const MakeWeights& make_weights,
                 uint32_t output) {
    const Tensor& to = network_.tensors[output];
    const Value image = as_image(input);
    const int64_t group_channels = image.shape[0] / groups;
    if (image.type == Type::float32 && fits_float32(ranges_[output].magnitude())) {
      const Value weights =
          make_weights({to.channels, group_channels, window.kernel_height, window.kernel_width});
      return graph_.node({"Conv",
                          {{"kernel_shape", std::vector<int64_t>{window.kernel_height, window.kernel_width}},
                           {"strides", std::vector<int64_t>{window.stride_height, window.stride_width}},
                           {"pads", window.pads()},
                           {"dilations", std::vector<int64_t>{window.dilation_height, window.dilation_width}},
                           {"group", int64_t{groups}}}},
                         {image, weights}, Type::float32, {to.channels, to.height, to.width});
    }
    return gathered_sums(image, window, groups, make_weights, to);
  }

  /// The same in float64, for which onnxruntime has no Conv: the pixels under each window side by side, and a
  /// product of matrices.
  template <typename MakeWeights>
  Value gathered_sums(const Value& image, const Window& window, uint32_t groups,
                      const MakeWeights& make_weights, const Tensor& to) {
    Value x = graph_.cast(image, Type::float64);
    if (window.has_padding()) {
      const Value pads = graph_.constant("pads", Type::int64, {8}, window.pads_of_all_axes());
      x = graph_.node({"Pad", {{"mode", std::string("constant")}}}, {x, pads}, x.type,
                      window.padded(x.shape));
    }
    const int64_t inputs = image.shape[0] / groups * window.kernel_pixels();
    const std::vector<int64_t> taken = window.gathered_indices(x.shape, to);
    const Value indices = graph_.constant("indices", Type::int32, {groups, inputs, to.pixels()}, taken);
    x = as_vector(x);
    x = graph_.node({"Gather", {{"axis", int64_t{1}}}}, {x, indices}, x.type, {groups, inputs, to.pixels()});
    const Value weights = graph_.cast(make_weights({groups, to.channels / groups, inputs}), Type::float64);
    x = graph_.node({"MatMul", {}}, {weights, x}, x.type, {groups, to.channels / groups, to.pixels()});
    const Value shape = graph_.constant("shape", Type::int64, {4},
                                        std::vector<int64_t>{-1, to.channels, to.height, to.width});
    return graph_.node({"Reshape", {}}, {x, shape}, x.type, {to.channels, to.height, to.width});
  }

  TensorValue lower_layer(const package::MaxPool2d& pool, const Layer& layer) {
    const TensorValue& input = input_of(layer);
    const Tensor& to = output_of(layer);
    const Window window = window_of(pool, network_.tensors[layer.inputs[0]], to);
    const Value value =
        graph_.node({"MaxPool",
                     {{"kernel_shape", std::vector<int64_t>{window.kernel_height, window.kernel_width}},
                      {"strides", std::vector<int64_t>{window.stride_height, window.stride_width}},
                      {"pads", window.pads()}}},
                    {as_image(input.value)}, input.value.type, {to.channels, to.height, to.width});
    return {value, input.exponent};
  }

  // What makes activations of sums.

  /// A summand of a scaling: value * multiplier[c].
  struct Term {
    TensorValue input;
    const std::vector<int32_t>* multiplier;
  };

  /// floor((sum of terms + addend[c]) / 2^shift[c]), saturated.
  TensorValue scaled(const std::vector<Term>& terms, const std::vector<int64_t>& addend,
                     const std::vector<uint8_t>& shift, const Tensor& to) {
    const Value value = fits_float64(terms, addend) ? scaled_in_float64(terms, addend, shift, to)
                                                    : scaled_in_int64(terms, addend, shift, to);
    return {dialect_.fixed_point(graph_, value, to), graph_exponent(to.fraction_bits)};
  }

  static bool fits_float64(const std::vector<Term>& terms, const std::vector<int64_t>& addend) {
    for (std::size_t channel = 0; channel < addend.size(); ++channel) {
      int64_t most = std::abs(addend[channel]);  // validate: the whole is at most 2^63 - 1
      for (const Term& term : terms)
        most += term.input.magnitude * std::abs(int64_t{(*term.multiplier)[channel]});
      if (most >= largest_float64_integer) return false;
    }
    return true;
  }

  Value scaled_in_float64(const std::vector<Term>& terms, const std::vector<int64_t>& addend,
                          const std::vector<uint8_t>& shift, const Tensor& to) {
    const int unit = dialect_.scaled_exponent(to);
    std::optional<Value> sum;
    for (const Term& term : terms) {
      const auto exponent = [&](std::size_t channel) { return term.input.exponent - shift[channel] - unit; };
      const Value x = graph_.cast(term.input.value, Type::float64);
      const Value factor =
          per_channel("multiplier", Type::float64, scaled_numbers(*term.multiplier, exponent), x);
      const Value product = graph_.node({"Mul", {}}, {x, factor});
      sum = sum ? graph_.node({"Add", {}}, {*sum, product}) : product;
    }
    const auto exponent = [&](std::size_t channel) { return -shift[channel] - unit; };
    const Value offset = per_channel("addend", Type::float64, scaled_numbers(addend, exponent), *sum);
    return graph_.node({"Add", {}}, {*sum, offset});
  }

  Value scaled_in_int64(const std::vector<Term>& terms, const std::vector<int64_t>& addend,
                        const std::vector<uint8_t>& shift, const Tensor& to) {
    std::optional<Value> sum;
    for (const Term& term : terms) {
      const Value x = integers_of(term.input);
      const Value factor = per_channel("multiplier", Type::int64, *term.multiplier, x);
      const Value product = graph_.node({"Mul", {}}, {x, factor});
      sum = sum ? graph_.node({"Add", {}}, {*sum, product}) : product;
    }
    sum = graph_.node({"Add", {}}, {*sum, per_channel("addend", Type::int64, addend, *sum)});
    std::vector<int64_t> divisors;
    for (const uint8_t bits : shift) divisors.push_back(int64_t{1} << bits);
    const Value divisor = per_channel("divisor", Type::int64, divisors, *sum);
    // Div cuts toward zero. Unsigned results of negative sums are 0 both ways; signed ones are brought to a
    // multiple of the divisor first.
    if (to.is_signed) {
      const Value rest = graph_.node({"Mod", {}}, {*sum, divisor});
      sum = graph_.node({"Sub", {}}, {*sum, rest});
    }
    return graph_.node({"Div", {}}, {*sum, divisor});
  }

  Value integers_of(const TensorValue& tensor) {
    Value value = tensor.value;
    if (tensor.exponent != 0) {
      const Value unit = graph_.scalar("unit", value.type, std::ldexp(1.0, tensor.exponent));
      value = graph_.node({"Mul", {}}, {value, unit});
    }
    return graph_.cast(value, Type::int64);
  }

  TensorValue lower_layer(const package::Requantize& requantize, const Layer& layer) {
    return scaled({{input_of(layer), &requantize.multiplier}}, requantize.addend, requantize.shift,
                  output_of(layer));
  }

  TensorValue lower_layer(const package::Add& add, const Layer& layer) {
    TensorValue first = input_of(layer, 0);
    TensorValue second = input_of(layer, 1);
    if (first.value.shape.size() != second.value.shape.size()) {
      first.value = as_image(first.value);
      second.value = as_image(second.value);
    }
    return scaled({{first, &add.first_multiplier}, {second, &add.second_multiplier}}, add.addend, add.shift,
                  output_of(layer));
  }

  /// The sign of x - threshold, or of threshold - x where it is falling. The difference may be rounded; its
  /// sign is right, and zero is zero.
  TensorValue lower_layer(const package::Threshold& threshold, const Layer& layer) {
    const TensorValue& input = input_of(layer);
    Value x = input.value;
    std::vector<int64_t> turn;
    std::vector<int64_t> turned_thresholds;
    for (std::size_t channel = 0; channel < threshold.threshold.size(); ++channel) {
      const int64_t sign = threshold.rising[channel] != 0 ? 1 : -1;
      // All thresholds beyond the range do the same; these are exact in the type of x.
      const int64_t beyond =
          (x.type == Type::float32 ? largest_float32_integer : largest_float64_integer) * 2;
      const int64_t t = threshold.threshold[channel];
      const int64_t within = t > input.magnitude ? beyond : t < -input.magnitude ? -beyond : t;
      turn.push_back(sign);
      turned_thresholds.push_back(sign * within);
    }
    if (std::count(turn.begin(), turn.end(), -1) > 0)
      x = graph_.node({"Mul", {}}, {x, per_channel("direction", x.type, turn, x)});
    const auto exponent = [&](std::size_t) { return -input.exponent; };
    const Value limit = per_channel("threshold", x.type, scaled_numbers(turned_thresholds, exponent), x);
    return {dialect_.signs(graph_, graph_.node({"Sub", {}}, {x, limit})), 0};
  }

  void lower_output() {
    graph_.set_prefix("output_");
    const TensorValue& tensor = tensors_[network_.output];
    const Value flat = as_vector(tensor.value);
    if (!dialect_.gives_integers()) return graph_.output(flat, "output");
    graph_.output(integers_of({flat, tensor.exponent, tensor.magnitude}), "output");
    // The first of equal ones.
    const Value largest =
        graph_.node({"ArgMax", {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}}}, {flat}, Type::int64, {});
    graph_.output(largest, "prediction");
  }

  void add_metadata(const char* key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *graph_.model().add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }

  void describe_model() {
    graph_.model().set_producer_name("kones");
    graph_.model().set_producer_version(version);
    add_metadata("kones.network", package::network_json(network_, names_));
    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
    for (std::size_t index = 0; index < tensors_.size(); ++index) {
      tensors.push_back({{"identifier", names_.tensors[index]},
                         {"value", tensors_[index].value.name},
                         {"exponent", tensors_[index].exponent}});
    }
    add_metadata("kones.tensors", tensors.dump());
  }

  const Network& network_;
  const package::NetworkNames names_;
  const std::vector<package::IntegerRange> ranges_;
  const Dialect& dialect_;
  Graph graph_;
  std::vector<TensorValue> tensors_;
};

}  // namespace

onnx::ModelProto lower(const Network& network, const Dialect& dialect) {
  return Lowering(network, dialect).run();
}

}  // namespace kones::onnx_program
