#include "kones/onnx/graph.h"

#include <cstring>

namespace kones::onnx_program {
namespace {

template <typename Number>
void append_bytes(std::string& bytes, Number number) {
  char buffer[sizeof(Number)];
  std::memcpy(buffer, &number, sizeof(Number));
  bytes.append(buffer, sizeof(Number));
}

template <typename Number>
void append_as(std::string& bytes, Type type, Number number) {
  switch (type) {
    case Type::float32:
      return append_bytes(bytes, static_cast<float>(number));
    case Type::float64:
      return append_bytes(bytes, static_cast<double>(number));
    case Type::int32:
      return append_bytes(bytes, static_cast<int32_t>(number));
    case Type::int64:
      return append_bytes(bytes, static_cast<int64_t>(number));
    case Type::uint16:
    case Type::int16:
      return append_bytes(bytes, static_cast<int16_t>(static_cast<int64_t>(number)));
    case Type::uint8:
    case Type::int8:
    case Type::boolean:
      return append_bytes(bytes, static_cast<int8_t>(static_cast<int64_t>(number)));
  }
}

}  // namespace

void append_number(std::string& bytes, Type type, double number) {
  append_as(bytes, type, number);
}

void append_number(std::string& bytes, Type type, int64_t number) {
  append_as(bytes, type, number);
}

Graph::Graph(const std::string& name, int64_t batch) : graph_(*model_.mutable_graph()), batch_(batch) {
  graph_.set_name(name);
}

void Graph::describe(onnx::ValueInfoProto& info, const Value& value) const {
  info.set_name(value.name);
  onnx::TypeProto::Tensor& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(static_cast<int32_t>(value.type));
  onnx::TensorShapeProto& shape = *tensor.mutable_shape();
  if (!value.is_constant) {
    if (batch_ == 0) {
      shape.add_dim()->set_dim_param("N");
    } else {
      shape.add_dim()->set_dim_value(batch_);
    }
  }
  for (const int64_t extent : value.shape) shape.add_dim()->set_dim_value(extent);
}

Value Graph::input(const std::string& name, Type type, const std::vector<int64_t>& shape) {
  const Value value{names_.add(name), type, shape};
  describe(*graph_.add_input(), value);
  return value;
}

void Graph::add_initializer(const Value& value, std::string bytes) {
  onnx::TensorProto& tensor = *graph_.add_initializer();
  tensor.set_name(value.name);
  tensor.set_data_type(static_cast<int32_t>(value.type));
  for (const int64_t extent : value.shape) tensor.add_dims(extent);
  tensor.set_raw_data(std::move(bytes));
}

Value Graph::node(const NodeKind& kind, const std::vector<Value>& inputs, Type type,
                  std::vector<int64_t> shape) {
  Value value{names_.add(prefix_ + kind.type), type, std::move(shape), true};
  onnx::NodeProto& node = *graph_.add_node();
  node.set_name(value.name);
  node.set_op_type(kind.type);
  node.set_domain(kind.domain);
  for (const Value& input : inputs) {
    node.add_input(input.name);
    value.is_constant = value.is_constant && input.is_constant;
  }
  node.add_output(value.name);
  for (const auto& [name, content] : kind.attributes) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    if (const auto* number = std::get_if<int64_t>(&content)) {
      attribute.set_type(onnx::AttributeProto::INT);
      attribute.set_i(*number);
    } else if (const auto* numbers = std::get_if<std::vector<int64_t>>(&content)) {
      attribute.set_type(onnx::AttributeProto::INTS);
      for (const int64_t each : *numbers) attribute.add_ints(each);
    } else {
      attribute.set_type(onnx::AttributeProto::STRING);
      attribute.set_s(std::get<std::string>(content));
    }
  }
  describe(*graph_.add_value_info(), value);
  return value;
}

Value Graph::cast(const Value& value, Type type) {
  if (value.type == type) return value;
  return node({"Cast", {{"to", static_cast<int64_t>(type)}}}, {value}, type, value.shape);
}

void Graph::output(const Value& value, const std::string& name) {
  Value named = value;
  named.name = names_.add(name);
  onnx::NodeProto& node = *graph_.add_node();
  node.set_name(named.name + "_of_graph");
  node.set_op_type("Identity");
  node.add_input(value.name);
  node.add_output(named.name);
  describe(*graph_.add_output(), named);
}

void Graph::annotate(const Value& value, const std::string& datatype) {
  onnx::TensorAnnotation& annotation = *graph_.add_quantization_annotation();
  annotation.set_tensor_name(value.name);
  onnx::StringStringEntryProto& entry = *annotation.add_quant_parameter_tensor_names();
  entry.set_key("finn_datatype");
  entry.set_value(datatype);
}

}  // namespace kones::onnx_program
