// An ONNX model being made: values of known types and shapes, and the nodes between them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kones/onnx/model_proto.h"
#include "kones/package/convert/names.h"

namespace kones::onnx_program {

/// A type of elements, with ONNX's numbers.
enum class Type : int32_t {
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  boolean = 9,
  float64 = 11,
};

/// The output of a node, an initializer, or the graph's input. Those that depend on the picture have the
/// batch as their first axis, which `shape` leaves out.
struct Value {
  std::string name;
  Type type = Type::float32;
  std::vector<int64_t> shape;
  bool is_constant = false;
};

using Attribute = std::pair<const char*, std::variant<int64_t, std::vector<int64_t>, std::string>>;

/// What a node is, beside its inputs and the type and shape of its output.
struct NodeKind {
  const char* type;
  std::vector<Attribute> attributes;
  const char* domain = "";
};

class Graph {
 public:
  /// `batch`: 0 leaves the batch's size open.
  Graph(const std::string& name, int64_t batch);

  /// Names of the values from here on begin with this.
  void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }

  Value input(const std::string& name, Type type, const std::vector<int64_t>& shape);

  /// An initializer. Each element must be a number of its type.
  template <typename Numbers>
  Value constant(const std::string& what, Type type, const std::vector<int64_t>& shape,
                 const Numbers& numbers) {
    const Value value{names_.add(prefix_ + what), type, shape, true};
    add_initializer(value, bytes_of(numbers, type));
    return value;
  }

  Value scalar(const std::string& what, Type type, double number) {
    return constant(what, type, {}, std::vector<double>{number});
  }

  /// A node's only output; constant if all of its inputs are.
  Value node(const NodeKind& kind, const std::vector<Value>& inputs, Type type, std::vector<int64_t> shape);

  /// A node that keeps the type and shape of its first input.
  Value node(const NodeKind& kind, const std::vector<Value>& inputs) {
    return node(kind, inputs, inputs[0].type, inputs[0].shape);
  }

  Value cast(const Value& value, Type type);

  /// Makes `value` the graph's next output, under `name`.
  void output(const Value& value, const std::string& name);

  /// QONNX's data type of a value: "INT8", "BIPOLAR", ...
  void annotate(const Value& value, const std::string& datatype);

  onnx::ModelProto& model() { return model_; }

 private:
  template <typename Numbers>
  static std::string bytes_of(const Numbers& numbers, Type type);

  void add_initializer(const Value& value, std::string bytes);
  void describe(onnx::ValueInfoProto& info, const Value& value) const;

  onnx::ModelProto model_;
  onnx::GraphProto& graph_;
  int64_t batch_;
  package::UniqueNames names_{96};
  std::string prefix_;
};

/// Appends the little-endian bytes of a number.
void append_number(std::string& bytes, Type type, double number);
void append_number(std::string& bytes, Type type, int64_t number);

template <typename Numbers>
std::string Graph::bytes_of(const Numbers& numbers, Type type) {
  using Number = typename Numbers::value_type;
  std::string bytes;
  for (const auto number : numbers) {
    if constexpr (std::is_floating_point_v<Number>) {
      append_number(bytes, type, static_cast<double>(number));
    } else {
      append_number(bytes, type, static_cast<int64_t>(number));
    }
  }
  return bytes;
}

}  // namespace kones::onnx_program
