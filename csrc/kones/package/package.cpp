#include "kones/package/package.h"

#include <iterator>
#include <utility>

namespace kones::package {

Tensor Tensor::integer(std::string name, uint32_t channels, uint32_t height, uint32_t width, int bits) {
  return {std::move(name), channels, height, width, TensorKind::integer, bits, true, 0};
}

Tensor Tensor::fixed_point(std::string name, uint32_t channels, uint32_t height, uint32_t width, int bits,
                           bool is_signed, int fraction_bits) {
  return {std::move(name), channels, height, width, TensorKind::fixed_point, bits, is_signed, fraction_bits};
}

Tensor Tensor::sign(std::string name, uint32_t channels, uint32_t height, uint32_t width) {
  return {std::move(name), channels, height, width, TensorKind::sign, 1, true, 0};
}

const char* operation_name(const Operation& operation) {
  constexpr const char* names[] = {"Linear",    "Conv2d",    "MaxPool2d", "Requantize",
                                   "Threshold", "AvgPool2d", "Add"};
  static_assert(std::size(names) == std::variant_size_v<Operation>);
  return names[operation.index()];
}

const Weights* weights_of(const Operation& operation) {
  if (const auto* linear = std::get_if<Linear>(&operation)) return &linear->weights;
  if (const auto* conv = std::get_if<Conv2d>(&operation)) return &conv->weights;
  return nullptr;
}

}  // namespace kones::package
