#include "kones/package/convert/arrays.h"

#include <algorithm>
#include <limits>
#include <variant>

#include "kones/package/tiles.h"

namespace kones::package {
namespace {

template <typename Number>
bool holds(int64_t minimum, int64_t maximum) {
  return minimum >= std::numeric_limits<Number>::min() && maximum <= std::numeric_limits<Number>::max();
}

uint64_t tiles_along(uint64_t size, uint64_t tile) {
  return (size + tile - 1) / tile;
}

class ArrayList {
 public:
  ArrayList(const Network& network, const NetworkNames& names) : network_(network), names_(names) {}

  std::vector<Array> run() {
    for (std::size_t index = 0; index < network_.layers.size(); ++index) {
      prefix_ = names_.layers[index] + ".";
      std::visit([&](const auto& operation) { add(operation); }, network_.layers[index].operation);
    }
    prefix_ = "golden.";
    if (!network_.golden.empty()) add_golden();
    return std::move(arrays_);
  }

 private:
  template <typename Values>
  void add(const std::string& name, ElementType type, std::vector<uint64_t> shape, const Values& values,
           std::string meaning) {
    arrays_.push_back({prefix_ + name, type, std::move(shape), bytes_of(values, type), std::move(meaning)});
  }

  template <typename Values>
  void add_per_channel(const char* name, ElementType type, const Values& values, const char* meaning) {
    add(name, type, {values.size()}, values, meaning);
  }

  void add_weights(const Weights& weights, std::vector<uint64_t> shape, const char* axes) {
    const NumberFormat& format = weights.format;
    add("levels", type_of_levels(weights), std::move(shape), weights.levels,
        std::string(axes) + "; weight = level * 2^" + std::to_string(-format.fraction_bits()));
    const auto outputs = tiles_along(weights.outputs, tile_outputs);
    const auto inputs = tiles_along(weights.inputs, tile_inputs);
    const uint64_t bytes = uint64_t{tile_outputs} * tile_inputs * format.storage_bits() / 8;
    arrays_.push_back({prefix_ + "codes",
                       ElementType::uint8,
                       {outputs, inputs, bytes},
                       pack_levels(weights),
                       "[output tile][input tile][bytes]; a tile is [16 outputs][16 inputs], each code in " +
                           std::to_string(format.storage_bits()) +
                           " bits, from the least significant bit of the first byte on; " + format.name()});
  }

  void add(const Linear& linear) {
    add_weights(linear.weights, {linear.weights.outputs, linear.weights.inputs}, "[outputs][inputs]");
  }

  void add(const Conv2d& conv) {
    const Weights& weights = conv.weights;
    const uint64_t channels = weights.inputs / conv.kernel_height / conv.kernel_width;
    add_weights(weights, {weights.outputs, channels, conv.kernel_height, conv.kernel_width},
                "[output channels][input channels of the group][kernel height][kernel width]");
  }

  void add(const MaxPool2d&) {}
  void add(const AvgPool2d&) {}

  void add(const Requantize& requantize) {
    add_per_channel("multiplier", ElementType::int32, requantize.multiplier, "[channels]");
    add_per_channel("addend", ElementType::int64, requantize.addend, "[channels]");
    add_per_channel("shift", ElementType::uint8, requantize.shift,
                    "[channels]; output = saturate((input * multiplier + addend) >> shift)");
  }

  void add(const Add& sum) {
    add_per_channel("first_multiplier", ElementType::int32, sum.first_multiplier, "[channels]");
    add_per_channel("second_multiplier", ElementType::int32, sum.second_multiplier, "[channels]");
    add_per_channel("addend", ElementType::int64, sum.addend, "[channels]");
    add_per_channel("shift", ElementType::uint8, sum.shift,
                    "[channels]; output = saturate((first * first_multiplier + second * second_multiplier + "
                    "addend) >> shift)");
  }

  void add(const Threshold& threshold) {
    const auto [least, most] = std::minmax_element(threshold.threshold.begin(), threshold.threshold.end());
    const bool is_wide = !holds<int32_t>(*least, *most);
    add_per_channel("threshold", is_wide ? ElementType::int64 : ElementType::int32, threshold.threshold,
                    "[channels]");
    add_per_channel("rising", ElementType::uint8, threshold.rising,
                    "[channels]; 1: output = +1 where input >= threshold; 0: where input <= threshold; else "
                    "-1");
  }

  std::vector<uint64_t> golden_shape(const Tensor& tensor) const {
    return {network_.golden.size(), tensor.channels, tensor.height, tensor.width};
  }

  void add_golden() {
    std::vector<uint8_t> pictures;
    std::vector<int32_t> labels;
    for (const GoldenVector& golden : network_.golden) {
      pictures.insert(pictures.end(), golden.input.begin(), golden.input.end());
      labels.push_back(golden.label);
    }
    add("pictures", ElementType::uint8, golden_shape(network_.tensors[network_.input.tensor]), pictures,
        "[vectors][channels][height][width]; the data set's bytes");
    add("labels", ElementType::int32, {labels.size()}, labels, "[vectors]; the class, -1 if unknown");
    for (std::size_t index = 0; index < network_.tensors.size(); ++index) {
      const Tensor& tensor = network_.tensors[index];
      std::vector<int64_t> integers;
      for (const GoldenVector& golden : network_.golden) {
        integers.insert(integers.end(), golden.tensors[index].begin(), golden.tensors[index].end());
      }
      add(names_.tensors[index], type_of_integers(tensor), golden_shape(tensor), integers,
          "[vectors][channels][height][width]; what the tensor holds");
    }
  }

  const Network& network_;
  const NetworkNames& names_;
  std::string prefix_;
  std::vector<Array> arrays_;
};

}  // namespace

int size_of(ElementType type) {
  switch (type) {
    case ElementType::uint8:
    case ElementType::int8:
      return 1;
    case ElementType::uint16:
    case ElementType::int16:
      return 2;
    case ElementType::int32:
      return 4;
    case ElementType::int64:
      break;
  }
  return 8;
}

ElementType smallest_type(int64_t minimum, int64_t maximum) {
  if (holds<int8_t>(minimum, maximum)) return ElementType::int8;
  if (holds<uint8_t>(minimum, maximum)) return ElementType::uint8;
  if (holds<int16_t>(minimum, maximum)) return ElementType::int16;
  if (holds<uint16_t>(minimum, maximum)) return ElementType::uint16;
  return holds<int32_t>(minimum, maximum) ? ElementType::int32 : ElementType::int64;
}

ElementType type_of_integers(const Tensor& tensor) {
  if (tensor.kind == TensorKind::sign) return ElementType::int8;
  if (tensor.kind == TensorKind::integer) return tensor.is_wide() ? ElementType::int64 : ElementType::int32;
  if (!tensor.is_signed) return smallest_type(0, (int64_t{1} << tensor.bits) - 1);
  return smallest_type(-(int64_t{1} << (tensor.bits - 1)), (int64_t{1} << (tensor.bits - 1)) - 1);
}

ElementType type_of_levels(const Weights& weights) {
  const auto [least, most] = std::minmax_element(weights.levels.begin(), weights.levels.end());
  return smallest_type(*least, *most);
}

std::vector<Array> arrays_of(const Network& network, const NetworkNames& names) {
  return ArrayList(network, names).run();
}

}  // namespace kones::package
