// QONNX: IntQuant and BipolarQuant of the domain qonnx.custom_op.general around float32 values, and data
// types in the graph's quantization annotations. https://github.com/fastmachinelearning/qonnx
#include <algorithm>
#include <cmath>

#include "kones/error.h"
#include "kones/onnx/dialect.h"

namespace kones::onnx_program {
namespace {

constexpr const char* domain = "qonnx.custom_op.general";

/// Bits of the integers that IntQuant lets pass: the weights' own, and never one signed bit, which it takes
/// for -1 and +1.
int bits_of(const NumberFormat& format) {
  const bool is_unsigned = format.min_level() >= 0;
  int bits = is_unsigned ? 1 : 2;
  while ((int64_t{1} << (is_unsigned ? bits : bits - 1)) - 1 < format.max_level() ||
         (!is_unsigned && -(int64_t{1} << (bits - 1)) > format.min_level())) {
    ++bits;
  }
  return bits;
}

/// The name that QONNX's own inference of data types gives.
std::string datatype_of(int bits, bool is_signed, int exponent) {
  if (exponent != 0) return "SCALEDINT<" + std::to_string(bits) + ">";
  if (bits == 1) return "BINARY";
  return (is_signed ? "INT" : "UINT") + std::to_string(bits);
}

class Qonnx final : public Dialect {
 public:
  int64_t batch() const override { return 1; }  // the executor asks for fixed shapes
  Type input_type() const override { return Type::float32; }
  bool gives_integers() const override { return false; }
  bool multiplies_in_float32() const override { return true; }
  int scaled_exponent(const package::Tensor& tensor) const override {
    return graph_exponent(tensor.fraction_bits);
  }

  void finish(Graph& graph) const override {
    graph.model().set_ir_version(8);
    graph.model().add_opset_import()->set_version(17);
    onnx::OperatorSetIdProto& own = *graph.model().add_opset_import();
    own.set_domain(domain);
    own.set_version(1);
  }

  void annotate_input(Graph& graph, const Value& input) const override { graph.annotate(input, "UINT8"); }

  Value weights(Graph& graph, const NumberFormat& format, const std::vector<int32_t>& levels,
                const std::vector<int64_t>& shape) const override {
    const int exponent = graph_exponent(format.fraction_bits());
    std::vector<double> values;
    values.reserve(levels.size());
    for (const int32_t level : levels) values.push_back(std::ldexp(level, -exponent));
    const Value stored = graph.constant("weights", Type::float32, shape, values);
    if (format.family == FormatFamily::binary) return bipolar(graph, stored);
    return int_quant(graph, stored, exponent, bits_of(format), format.min_level() < 0,
                     format.family == FormatFamily::ternary, "ROUND");
  }

  Value fixed_point(Graph& graph, const Value& scaled, const package::Tensor& tensor) const override {
    if (tensor.bits > 24) {
      throw Error("its output has " + std::to_string(tensor.bits) +
                  " bits, and QONNX's float32 values hold integers of 24");
    }
    if (tensor.bits == 1 && tensor.is_signed) {
      throw Error("its output has one signed bit, 0 and -1, which QONNX takes for +1 and -1");
    }
    const int exponent = graph_exponent(tensor.fraction_bits);
    if (scaled.type != Type::int64) {
      return int_quant(graph, scaled, exponent, tensor.bits, tensor.is_signed, false, "FLOOR");
    }
    Value value = graph.cast(scaled, Type::float32);
    if (exponent != 0) {
      const Value unit = graph.scalar("unit", Type::float32, std::ldexp(1.0, -exponent));
      value = graph.node({"Mul", {}}, {value, unit});
    }
    return int_quant(graph, value, exponent, tensor.bits, tensor.is_signed, false, "ROUND");
  }

  Value signs(Graph& graph, const Value& difference) const override {
    return bipolar(graph, graph.cast(difference, Type::float32));
  }

 private:
  static Value bipolar(Graph& graph, const Value& value) {
    const Value scale = graph.scalar("scale", Type::float32, 1.0);
    const Value signs = graph.node({"BipolarQuant", {}, domain}, {value, scale});
    graph.annotate(signs, "BIPOLAR");
    return signs;
  }

  static Value int_quant(Graph& graph, const Value& value, int exponent, int bits, bool is_signed,
                         bool is_narrow, const char* rounding) {
    const Value scale = graph.scalar("scale", Type::float32, std::ldexp(1.0, -exponent));
    const Value zero_point = graph.scalar("zero_point", Type::float32, 0.0);
    const Value width = graph.scalar("bit_width", Type::float32, bits);
    const Value quantized = graph.node({"IntQuant",
                                        {{"signed", int64_t{is_signed}},
                                         {"narrow", int64_t{is_narrow}},
                                         {"rounding_mode", std::string(rounding)}},
                                        domain},
                                       {value, scale, zero_point, width}, Type::float32, value.shape);
    graph.annotate(quantized, datatype_of(bits, is_signed, exponent));
    return quantized;
  }
};

}  // namespace

std::unique_ptr<Dialect> make_qonnx() {
  return std::make_unique<Qonnx>();
}

}  // namespace kones::onnx_program
