#include "kones/package/writer.h"

#include <type_traits>
#include <utility>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/package/file_header.h"
#include "kones/package/kones_generated.h"
#include "kones/package/tiles.h"
#include "kones/package/validate.h"

namespace kones::package {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

/// An upper bound of the bytes that a package takes, so that the builder's own limit is never met.
uint64_t estimated_bytes(const Package& package) {
  constexpr uint64_t table = 256;
  uint64_t bytes = table + package.producer.size();
  for (const Network& network : package.networks) {
    bytes +=
        table + network.name.size() + network.model.size() + network.method.size() + network.dataset.size();
    for (const Tensor& tensor : network.tensors) bytes += table + tensor.name.size();
    for (const std::string& name : network.class_names) bytes += table + name.size();
    for (const Layer& layer : network.layers) {
      bytes += 4 * table + layer.name.size();
      if (const Weights* weights = weights_of(layer.operation)) {
        bytes += packed_bytes(weights->format, weights->outputs, weights->inputs);
      } else {
        bytes += network.tensors[layer.output].channels * uint64_t{17};
      }
    }
    for (const GoldenVector& golden : network.golden) {
      bytes += table + golden.input.size();
      for (const auto& values : golden.tensors) bytes += table + values.size() * uint64_t{8};
    }
  }
  return bytes;
}

Offset<schema::Weights> build(FlatBufferBuilder& builder, const Weights& weights) {
  const NumberFormat& format = weights.format;
  const std::string packed = pack_levels(weights);
  const auto codes = builder.CreateVector(reinterpret_cast<const uint8_t*>(packed.data()), packed.size());
  const auto stored_format = schema::CreateNumberFormat(
      builder, static_cast<schema::FormatFamily>(format.family), static_cast<uint8_t>(format.terms),
      static_cast<uint8_t>(format.max_shift), static_cast<uint8_t>(format.code_bits()),
      static_cast<uint8_t>(format.storage_bits()), static_cast<int16_t>(format.fraction_bits()),
      static_cast<int16_t>(format.min_exponent), static_cast<int16_t>(format.max_exponent), format.zero,
      static_cast<int16_t>(format.integer_bits), format.is_signed);
  return schema::CreateWeights(builder, stored_format, weights.outputs, weights.inputs, tile_outputs,
                               tile_inputs, codes);
}

std::pair<schema::Operation, Offset<void>> build(FlatBufferBuilder& builder, const Linear& linear) {
  const auto weights = build(builder, linear.weights);
  return {schema::Operation::Linear, schema::CreateLinear(builder, weights).Union()};
}

std::pair<schema::Operation, Offset<void>> build(FlatBufferBuilder& builder, const Conv2d& conv) {
  const auto weights = build(builder, conv.weights);
  return {schema::Operation::Conv2d,
          schema::CreateConv2d(builder, weights, conv.kernel_height, conv.kernel_width, conv.stride_height,
                               conv.stride_width, conv.padding_height, conv.padding_width,
                               conv.dilation_height, conv.dilation_width, conv.groups)
              .Union()};
}

std::pair<schema::Operation, Offset<void>> build(FlatBufferBuilder& builder, const MaxPool2d& pool) {
  return {schema::Operation::MaxPool2d,
          schema::CreateMaxPool2d(builder, pool.kernel_height, pool.kernel_width, pool.stride_height,
                                  pool.stride_width, pool.padding_height, pool.padding_width, pool.ceil_mode)
              .Union()};
}

std::pair<schema::Operation, Offset<void>> build(FlatBufferBuilder& builder, const Requantize& requantize) {
  const auto multiplier = builder.CreateVector(requantize.multiplier);
  const auto addend = builder.CreateVector(requantize.addend);
  const auto shift = builder.CreateVector(requantize.shift);
  return {schema::Operation::Requantize,
          schema::CreateRequantize(builder, multiplier, addend, shift).Union()};
}

/// The vector [int32] or [int64] that holds `values`; the other of the two is absent.
struct StoredIntegers {
  Offset<flatbuffers::Vector<int32_t>> narrow;
  Offset<flatbuffers::Vector<int64_t>> wide;

  StoredIntegers(FlatBufferBuilder& builder, const std::vector<int64_t>& values, bool is_wide) {
    if (is_wide) {
      wide = builder.CreateVector(values);
    } else {
      narrow = builder.CreateVector(std::vector<int32_t>(values.begin(), values.end()));
    }
  }
};

std::pair<schema::Operation, Offset<void>> build(FlatBufferBuilder& builder, const Threshold& threshold,
                                                 bool is_wide) {
  const StoredIntegers values(builder, threshold.threshold, is_wide);
  const auto rising = builder.CreateVector(threshold.rising);
  return {schema::Operation::Threshold,
          schema::CreateThreshold(builder, values.narrow, rising, values.wide).Union()};
}

std::pair<schema::Operation, Offset<void>> build(FlatBufferBuilder& builder, const AvgPool2d& pool) {
  return {schema::Operation::AvgPool2d,
          schema::CreateAvgPool2d(builder, pool.kernel_height, pool.kernel_width, pool.stride_height,
                                  pool.stride_width, pool.padding_height, pool.padding_width, pool.ceil_mode,
                                  pool.multiple)
              .Union()};
}

std::pair<schema::Operation, Offset<void>> build(FlatBufferBuilder& builder, const Add& add) {
  const auto first = builder.CreateVector(add.first_multiplier);
  const auto second = builder.CreateVector(add.second_multiplier);
  const auto addend = builder.CreateVector(add.addend);
  const auto shift = builder.CreateVector(add.shift);
  return {schema::Operation::Add, schema::CreateAdd(builder, first, second, addend, shift).Union()};
}

Offset<schema::Tensor> build(FlatBufferBuilder& builder, const Tensor& tensor) {
  const auto name = builder.CreateString(tensor.name);
  return schema::CreateTensor(builder, name, tensor.channels, tensor.height, tensor.width,
                              static_cast<schema::TensorKind>(tensor.kind), static_cast<uint8_t>(tensor.bits),
                              tensor.is_signed, static_cast<int16_t>(tensor.fraction_bits));
}

Offset<schema::Layer> build(FlatBufferBuilder& builder, const Layer& layer, const Network& network) {
  const auto [type, operation] = std::visit(
      [&](const auto& of_layer) {
        if constexpr (std::is_same_v<decltype(of_layer), const Threshold&>) {
          return build(builder, of_layer, network.tensors[layer.inputs[0]].is_wide());
        } else {
          return build(builder, of_layer);
        }
      },
      layer.operation);
  const auto name = builder.CreateString(layer.name);
  const auto inputs = builder.CreateVector(layer.inputs);
  return schema::CreateLayer(builder, name, inputs, layer.output, type, operation);
}

Offset<schema::GoldenVector> build(FlatBufferBuilder& builder, const GoldenVector& golden,
                                   const Network& network) {
  std::vector<Offset<schema::TensorValues>> tensors;
  for (std::size_t index = 0; index < golden.tensors.size(); ++index) {
    const StoredIntegers values(builder, golden.tensors[index], network.tensors[index].is_wide());
    tensors.push_back(schema::CreateTensorValues(builder, values.narrow, values.wide));
  }
  const auto input = builder.CreateVector(golden.input);
  const auto all = builder.CreateVector(tensors);
  return schema::CreateGoldenVector(builder, input, golden.label, all);
}

template <typename Value, typename... Context>
auto build_all(FlatBufferBuilder& builder, const std::vector<Value>& values, const Context&... context) {
  std::vector<decltype(build(builder, values[0], context...))> built;
  for (const Value& value : values) built.push_back(build(builder, value, context...));
  return builder.CreateVector(built);
}

Offset<schema::Network> build(FlatBufferBuilder& builder, const Network& network) {
  const auto tensors = build_all(builder, network.tensors);
  const auto layers = build_all(builder, network.layers, network);
  const auto golden = build_all(builder, network.golden, network);
  const auto class_names = builder.CreateVectorOfStrings(network.class_names);
  const auto input = schema::CreateInput(builder, network.input.tensor, network.input.multiplier,
                                         network.input.offset, network.input.divisor);
  const auto name = builder.CreateString(network.name);
  const auto model = builder.CreateString(network.model);
  const auto method = builder.CreateString(network.method);
  const auto dataset = builder.CreateString(network.dataset);
  return schema::CreateNetwork(builder, name, model, method, dataset, tensors, input, network.output, layers,
                               golden, class_names);
}

}  // namespace

std::string serialize(const Package& package) {
  validate(package);
  if (estimated_bytes(package) > max_file_bytes) {
    throw Error("the package takes more than " + std::to_string(max_file_bytes) +
                " bytes; put its networks into several packages, or fewer golden vectors into it");
  }
  FlatBufferBuilder builder;
  std::vector<Offset<schema::Network>> built;
  for (const Network& network : package.networks) built.push_back(build(builder, network));
  const auto networks = builder.CreateVector(built);
  const auto producer = builder.CreateString(package.producer);
  schema::FinishPackageBuffer(builder, schema::CreatePackage(builder, producer, networks));
  const std::string_view payload(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                                 builder.GetSize());
  std::string file = make_header(payload);
  file += payload;
  return file;
}

void write_package(const Package& package, const std::filesystem::path& path) {
  std::string file;
  try {
    file = serialize(package);
  } catch (const Error& error) {
    throw Error("cannot write " + path.string() + ": " + error.what());
  }
  write_file_atomically(path, file);
}

}  // namespace kones::package
