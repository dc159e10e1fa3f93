// Plain ONNX: QuantizeLinear and DequantizeLinear, 8 and 16 bits wide, which is opset 21. What lies between a
// sum and the next QuantizeLinear keeps runtimes from fusing the three into one operator, whose rounding
// would be another.
#include <algorithm>
#include <cmath>

#include "kones/onnx/dialect.h"

namespace kones::onnx_program {
namespace {

Type smallest_type(const std::vector<int32_t>& levels) {
  const auto [least, most] = std::minmax_element(levels.begin(), levels.end());
  if (*least >= INT8_MIN && *most <= INT8_MAX) return Type::int8;
  if (*least >= INT16_MIN && *most <= INT16_MAX) return Type::int16;
  return Type::int32;
}

Type quantized_type(const package::Tensor& tensor) {
  if (tensor.bits <= 8) return tensor.is_signed ? Type::int8 : Type::uint8;
  return tensor.is_signed ? Type::int16 : Type::uint16;
}

class Onnx final : public Dialect {
 public:
  int64_t batch() const override { return 0; }
  Type input_type() const override { return Type::uint8; }
  bool gives_integers() const override { return true; }
  int scaled_exponent(const package::Tensor&) const override { return 0; }
  /// onnxruntime makes one operator of a MatMul of dequantized matrices, and its products of 8 bits saturate
  /// on some processors.
  bool multiplies_in_float32() const override { return false; }

  void finish(Graph& graph) const override {
    graph.model().set_ir_version(10);
    graph.model().add_opset_import()->set_version(21);
  }

  void annotate_input(Graph&, const Value&) const override {}

  Value weights(Graph& graph, const NumberFormat& format, const std::vector<int32_t>& levels,
                const std::vector<int64_t>& shape) const override {
    const Value integers = graph.constant("levels", smallest_type(levels), shape, levels);
    return dequantized(graph, integers, graph_exponent(format.fraction_bits()));
  }

  Value fixed_point(Graph& graph, const Value& scaled, const package::Tensor& tensor) const override {
    const Value integers = scaled.type == Type::int64 ? scaled : graph.node({"Floor", {}}, {scaled});
    const int exponent = graph_exponent(tensor.fraction_bits);
    if (tensor.bits > 16) return wide_fixed_point(graph, clamped(graph, integers, tensor), exponent, tensor);
    // QuantizeLinear saturates to 8 and 16 bits by itself.
    const bool is_odd = tensor.bits > 8 && tensor.bits < 16;
    Value value = graph.cast(is_odd ? clamped(graph, integers, tensor) : integers, Type::float32);
    value = scaled_by(graph, value, -exponent);
    const Value zero = graph.constant("zero_point", quantized_type(tensor), {}, std::vector<int64_t>{0});
    value = graph.node({"QuantizeLinear", {}},
                       {value, graph.scalar("scale", Type::float32, std::ldexp(1.0, -exponent)), zero},
                       quantized_type(tensor), value.shape);
    if (tensor.bits < 8) value = clamped(graph, value, tensor);
    return dequantized(graph, value, exponent);
  }

  Value signs(Graph& graph, const Value& difference) const override {
    const Value zero = graph.scalar("zero", difference.type, 0.0);
    const Value is_positive =
        graph.node({"GreaterOrEqual", {}}, {difference, zero}, Type::boolean, difference.shape);
    const Value one = graph.scalar("one", Type::float32, 1.0);
    const Value minus_one = graph.scalar("minus_one", Type::float32, -1.0);
    const Value signs =
        graph.node({"Where", {}}, {is_positive, one, minus_one}, Type::float32, difference.shape);
    const Value zero_point = graph.constant("zero_point", Type::int8, {}, std::vector<int64_t>{0});
    const Value quantized =
        graph.node({"QuantizeLinear", {}}, {signs, one, zero_point}, Type::int8, signs.shape);
    return dequantized(graph, quantized, 0);
  }

 private:
  static Value scaled_by(Graph& graph, const Value& value, int exponent) {
    if (exponent == 0) return value;
    return graph.node({"Mul", {}}, {value, graph.scalar("unit", value.type, std::ldexp(1.0, exponent))});
  }

  static Value dequantized(Graph& graph, const Value& integers, int exponent) {
    const Value scale = graph.scalar("scale", Type::float32, std::ldexp(1.0, -exponent));
    return graph.node({"DequantizeLinear", {}}, {integers, scale}, Type::float32, integers.shape);
  }

  static Value clamped(Graph& graph, const Value& integers, const package::Tensor& tensor) {
    const int magnitude_bits = tensor.is_signed ? tensor.bits - 1 : tensor.bits;
    const double most = std::ldexp(1.0, magnitude_bits) - 1;
    const double least = tensor.is_signed ? -std::ldexp(1.0, magnitude_bits) : 0.0;
    return graph.node({"Clip", {}}, {integers, graph.scalar("least", integers.type, least),
                                     graph.scalar("most", integers.type, most)});
  }

  static Value wide_fixed_point(Graph& graph, const Value& integers, int exponent,
                                const package::Tensor& tensor) {
    // Not DequantizeLinear of int32: runtimes move it behind other nodes, and quantize what it then gets.
    return scaled_by(graph, graph.cast(integers, tensor.bits <= 24 ? Type::float32 : Type::float64),
                     -exponent);
  }
};

}  // namespace

std::unique_ptr<Dialect> make_onnx() {
  return std::make_unique<Onnx>();
}

}  // namespace kones::onnx_program
