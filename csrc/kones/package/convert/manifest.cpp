#include "kones/package/convert/manifest.h"

#include <variant>

#include <nlohmann/json.hpp>

#include "kones/package/accumulator_bits.h"
#include "kones/package/validate.h"

namespace kones::package {
namespace {

using Json = nlohmann::ordered_json;

const char* kind_name(TensorKind kind) {
  switch (kind) {
    case TensorKind::fixed_point:
      return "fixed point";
    case TensorKind::sign:
      return "sign";
    case TensorKind::integer:
      break;
  }
  return "integer";
}

Json tensor_json(const Tensor& tensor, const std::string& identifier) {
  return {{"name", tensor.name},
          {"identifier", identifier},
          {"shape", {tensor.channels, tensor.height, tensor.width}},
          {"kind", kind_name(tensor.kind)},
          {"bits", tensor.bits},
          {"signed", tensor.is_signed},
          {"fraction_bits", tensor.fraction_bits}};
}

Json weights_json(const Weights& weights) {
  const NumberFormat& format = weights.format;
  return {{"format", format.name()},
          {"code_bits", format.code_bits()},
          {"storage_bits", format.storage_bits()},
          {"fraction_bits", format.fraction_bits()},
          {"outputs", weights.outputs},
          {"inputs", weights.inputs}};
}

template <typename Window>
Json window_json(const Window& window) {
  return {{"kernel", {window.kernel_height, window.kernel_width}},
          {"stride", {window.stride_height, window.stride_width}},
          {"padding", {window.padding_height, window.padding_width}}};
}

Json operation_json(const Linear& linear) {
  return {{"weights", weights_json(linear.weights)}};
}

Json operation_json(const Conv2d& conv) {
  Json json = window_json(conv);
  json["dilation"] = {conv.dilation_height, conv.dilation_width};
  json["groups"] = conv.groups;
  json["weights"] = weights_json(conv.weights);
  return json;
}

Json operation_json(const MaxPool2d& pool) {
  Json json = window_json(pool);
  json["ceil_mode"] = pool.ceil_mode;
  return json;
}

Json operation_json(const AvgPool2d& pool) {
  Json json = window_json(pool);
  json["ceil_mode"] = pool.ceil_mode;
  json["multiple"] = pool.multiple;
  return json;
}

Json operation_json(const Requantize&) {
  return {{"computes", "saturate((input * multiplier + addend) >> shift)"}};
}

Json operation_json(const Add&) {
  return {
      {"computes", "saturate((first * first_multiplier + second * second_multiplier + addend) >> shift)"}};
}

Json operation_json(const Threshold&) {
  return {{"computes", "+1 where input >= threshold (rising) or input <= threshold (falling), else -1"}};
}

Json layer_json(const Layer& layer, const std::string& identifier, int64_t bound) {
  Json json{{"name", layer.name},
            {"identifier", identifier},
            {"operation", operation_name(layer.operation)},
            {"inputs", layer.inputs},
            {"output", layer.output}};
  json.update(std::visit([](const auto& operation) { return operation_json(operation); }, layer.operation));
  if (weights_of(layer.operation) != nullptr) {
    json["accumulator_bound"] = bound;
    json["accumulator_bits"] = accumulator_bits(bound);
  }
  return json;
}

Json json_of(const Network& network, const NetworkNames& names) {
  const std::vector<IntegerRange> ranges = validate(network);
  Json tensors = Json::array();
  for (std::size_t index = 0; index < network.tensors.size(); ++index)
    tensors.push_back(tensor_json(network.tensors[index], names.tensors[index]));
  Json layers = Json::array();
  for (std::size_t index = 0; index < network.layers.size(); ++index) {
    const Layer& layer = network.layers[index];
    layers.push_back(layer_json(layer, names.layers[index], ranges[layer.output].maximum));
  }
  return {{"name", network.name},
          {"model", network.model},
          {"method", network.method},
          {"dataset", network.dataset},
          {"input",
           {{"tensor", network.input.tensor},
            {"multiplier", network.input.multiplier},
            {"offset", network.input.offset},
            {"divisor", network.input.divisor},
            {"computes", "multiplier * byte + offset, in units of 1 / divisor"}}},
          {"tensors", std::move(tensors)},
          {"layers", std::move(layers)},
          {"output", network.output},
          {"prediction", "the channel of the output tensor with the largest integer, the first on a tie"},
          {"class_names", network.class_names}};
}

std::string dump(const Json& json, int indentation) {
  return json.dump(indentation, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string network_json(const Network& network, const NetworkNames& names) {
  return dump(json_of(network, names), -1);
}

std::string manifest(const char* format, const Package& package, const Network& network,
                     const NetworkNames& names, const std::string& more) {
  Json json{{"format", format}, {"producer", package.producer}};
  json["network"] = json_of(network, names);
  json.update(Json::parse(more));
  return dump(json, 2) + "\n";
}

}  // namespace kones::package
