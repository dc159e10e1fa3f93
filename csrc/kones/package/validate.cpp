#include "kones/package/validate.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>

#include "kones/error.h"
#include "kones/package/geometry.h"

namespace kones::package {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(reason);
}

/// Calls `check`; what it refuses is told with `place` before it.
template <typename Check>
void at(const std::string& place, Check check) {
  try {
    check();
  } catch (const Error& error) {
    throw Error(place + error.what());
  }
}

std::string shape_of(const Tensor& tensor) {
  return std::to_string(tensor.channels) + "x" + std::to_string(tensor.height) + "x" +
         std::to_string(tensor.width);
}

/// Names are shown in one-line messages and become the names of files and memories.
void check_text(const std::string& text, const char* what) {
  if (text.size() > max_text_bytes) {
    refuse(std::string(what) + " has " + std::to_string(text.size()) + " bytes, more than " +
           std::to_string(max_text_bytes));
  }
  for (std::size_t index = 0; index < text.size(); ++index) {
    const auto byte = static_cast<uint8_t>(text[index]);
    const auto next = static_cast<uint8_t>(index + 1 < text.size() ? text[index + 1] : 0);
    // In UTF-8, 0xc2 0x80 to 0xc2 0x9f are control characters too, which terminals follow.
    const bool is_second_set = byte == 0xc2 && next >= 0x80 && next <= 0x9f;
    if (byte < 0x20 || byte == 0x7f || is_second_set) {
      refuse(std::string(what) + " holds the control character " +
             std::to_string(is_second_set ? next : byte));
    }
  }
}

template <typename Named>
void check_names(const std::vector<Named>& all, const std::string& what) {
  std::unordered_set<std::string> seen;
  for (std::size_t index = 0; index < all.size(); ++index) {
    const std::string& name = all[index].name;
    at(what + " " + std::to_string(index) + ": ", [&] {
      check_text(name, "its name");
      if (name.empty()) refuse("it has no name");
      if (!seen.insert(name).second) refuse("its name '" + name + "' is taken");
    });
  }
}

void check_count(std::size_t count, uint64_t most, const std::string& what) {
  if (count > most) refuse(std::to_string(count) + " " + what + ", more than " + std::to_string(most));
}

IntegerRange range_of_bits(int bits, bool is_signed) {
  if (is_signed) {
    const auto largest = static_cast<int64_t>((uint64_t{1} << (bits - 1)) - 1);
    return {-largest - 1, largest};
  }
  return {0, (int64_t{1} << bits) - 1};
}

void check_tensor(const Tensor& tensor) {
  for (const uint32_t extent : {tensor.channels, tensor.height, tensor.width}) {
    if (extent < 1 || extent > max_extent) {
      refuse("its shape is " + shape_of(tensor) + ", and each size is 1 to " + std::to_string(max_extent));
    }
  }
  switch (tensor.kind) {
    case TensorKind::integer:
      if ((tensor.bits != 32 && tensor.bits != 64) || !tensor.is_signed || tensor.fraction_bits != 0) {
        refuse("an integer tensor has 32 or 64 signed bits and no fraction bits");
      }
      return;
    case TensorKind::fixed_point:
      if (tensor.bits < 1 || tensor.bits > (tensor.is_signed ? 32 : 31)) {
        refuse("it has " + std::to_string(tensor.bits) +
               " bits, and fixed point has 1 to 32, 1 to 31 when unsigned");
      }
      if (tensor.fraction_bits < -126 || tensor.fraction_bits > 126) {
        refuse("it has " + std::to_string(tensor.fraction_bits) +
               " fraction bits, and fixed point has -126 to 126");
      }
      return;
    case TensorKind::sign:
      if (tensor.bits != 1 || !tensor.is_signed || tensor.fraction_bits != 0) {
        refuse("a sign tensor has 1 signed bit and no fraction bits");
      }
      return;
  }
  refuse("its kind " + std::to_string(static_cast<int>(tensor.kind)) + " is not known");
}

void check_levels(const Weights& weights) {
  for (std::size_t index = 0; index < weights.levels.size(); ++index) {
    if (weights.format.is_level(weights.levels[index])) continue;
    refuse("its weight at output " + std::to_string(index / weights.inputs) + ", input " +
           std::to_string(index % weights.inputs) + " is " + std::to_string(weights.levels[index]) +
           ", no level of " + weights.format.name());
  }
}

/// The largest magnitude that an integer tensor may reach.
int64_t bound_of(const Tensor& tensor) {
  return tensor.is_wide() ? max_wide_accumulator : max_accumulator;
}

void check_shape(const Tensor& tensor, int64_t channels, int64_t height, int64_t width) {
  if (tensor.channels != channels || tensor.height != height || tensor.width != width) {
    refuse("its output tensor '" + tensor.name + "' is " + shape_of(tensor) + ", and it computes " +
           std::to_string(channels) + "x" + std::to_string(height) + "x" + std::to_string(width));
  }
}

void check_kind(const Tensor& tensor, TensorKind kind, const char* what) {
  if (tensor.kind != kind) refuse("its output tensor '" + tensor.name + "' must be " + what);
}

void check_same_shape(const Tensor& input, const Tensor& output) {
  check_shape(output, input.channels, input.height, input.width);
}

template <typename Entry>
void check_per_channel(const std::vector<Entry>& entries, const Tensor& tensor, const char* what) {
  if (entries.size() != tensor.channels) {
    refuse("it has " + std::to_string(entries.size()) + " " + what + " for " +
           std::to_string(tensor.channels) + " channels");
  }
}

void check_window(uint32_t height, uint32_t width, uint32_t least, const char* what) {
  if (height < least || width < least || height > max_window || width > max_window) {
    refuse(std::string("its ") + what + " is " + std::to_string(height) + "x" + std::to_string(width) +
           ", and it is " + std::to_string(least) + " to " + std::to_string(max_window));
  }
}

/// The checks of one network, layer after layer; ranges grow along.
class NetworkCheck {
 public:
  explicit NetworkCheck(const Network& network)
      : network_(network), ranges_(network.tensors.size()), written_(network.tensors.size(), false) {}

  std::vector<IntegerRange> run() {
    check_texts();
    check_tensors();
    check_input();
    for (const Layer& layer : network_.layers) {
      at("layer '" + layer.name + "': ", [&] { check_layer(layer); });
    }
    check_output();
    for (std::size_t index = 0; index < network_.golden.size(); ++index) {
      at("golden vector " + std::to_string(index) + ": ", [&] { check_golden(network_.golden[index]); });
    }
    return std::move(ranges_);
  }

 private:
  void check_texts() const {
    check_text(network_.model, "its model");
    check_text(network_.method, "its method");
    check_text(network_.dataset, "its data set");
    for (const std::string& name : network_.class_names) check_text(name, "a class name");
    check_count(network_.layers.size(), max_layers, "layers");
    check_count(network_.tensors.size(), max_layers, "tensors");
    check_count(network_.golden.size(), max_layers, "golden vectors");
    check_names(network_.tensors, "tensor");
    check_names(network_.layers, "layer");
    if (network_.layers.empty()) refuse("it has no layers");
  }

  void check_tensors() const {
    int64_t elements = 0;
    for (const Tensor& tensor : network_.tensors) {
      at("tensor '" + tensor.name + "': ", [&] { check_tensor(tensor); });
      elements += tensor.elements();
      if (elements > max_elements) {
        refuse("its tensors have more than " + std::to_string(max_elements) + " elements an image");
      }
    }
  }

  const Tensor& tensor(uint32_t index, const char* what) const {
    if (index >= network_.tensors.size()) {
      refuse(std::string(what) + " is tensor " + std::to_string(index) + ", and there are " +
             std::to_string(network_.tensors.size()));
    }
    return network_.tensors[index];
  }

  void check_input() {
    const Input& input = network_.input;
    const Tensor& target = tensor(input.tensor, "its input");
    if (target.kind != TensorKind::integer || target.is_wide())
      refuse("its input tensor '" + target.name + "' must be of integers of 32 bits");
    if (input.divisor < 1)
      refuse("its input's divisor is " + std::to_string(input.divisor) + ", and it is 1 or more");
    const int64_t first = input.offset;
    const int64_t last = int64_t{input.multiplier} * 255 + input.offset;
    ranges_[input.tensor] = {std::min(first, last), std::max(first, last)};
    if (ranges_[input.tensor].magnitude() > max_accumulator) {
      refuse("its input's integers go from " + std::to_string(first) + " to " + std::to_string(last) +
             ", beyond 32 bits");
    }
    written_[input.tensor] = true;
  }

  void check_layer(const Layer& layer) {
    const std::size_t inputs = std::holds_alternative<Add>(layer.operation) ? 2 : 1;
    if (layer.inputs.size() != inputs) {
      refuse(std::string(operation_name(layer.operation)) + " reads " + (inputs == 1 ? "one tensor" : "two") +
             ", and it names " + std::to_string(layer.inputs.size()));
    }
    const Tensor& output = tensor(layer.output, "its output");
    for (const uint32_t index : layer.inputs) {
      const Tensor& input = tensor(index, "its input");
      if (!written_[index]) refuse("it reads tensor '" + input.name + "', which no earlier layer writes");
    }
    if (written_[layer.output]) refuse("it writes tensor '" + output.name + "', which is written already");
    const Tensor& input = network_.tensors[layer.inputs[0]];
    const IntegerRange& range = ranges_[layer.inputs[0]];
    ranges_[layer.output] = std::visit(
        [&](const auto& operation) {
          if constexpr (std::is_same_v<decltype(operation), const Add&>) {
            return check_add(operation, layer, output);
          } else {
            return check_operation(operation, layer.inputs[0], input, output, range);
          }
        },
        layer.operation);
    written_[layer.output] = true;
  }

  /// Checks weights of `fan_in` inputs and proves their accumulators; the range of the sums.
  IntegerRange check_weights(const Weights& weights, uint32_t input_index, int64_t fan_in,
                             const Tensor& output, const IntegerRange& range) {
    const Tensor& input = network_.tensors[input_index];
    if (input.kind == TensorKind::integer && input_index != network_.input.tensor) {
      refuse("it reads the accumulators '" + input.name + "'; requantize or threshold them first");
    }
    check_kind(output, TensorKind::integer, "of integers");
    if (!weights.format.has_codes()) refuse("its weights have no number format that kones can store");
    if (weights.inputs != fan_in) {
      refuse("its weights have " + std::to_string(weights.inputs) + " inputs, and its geometry asks for " +
             std::to_string(fan_in));
    }
    if (weights.outputs != output.channels) {
      refuse("its weights have " + std::to_string(weights.outputs) + " outputs, and its output tensor has " +
             std::to_string(output.channels) + " channels");
    }
    const uint64_t count = uint64_t{weights.outputs} * weights.inputs;
    if (count > max_weights || weights.levels.size() != count) {
      refuse("it has " + std::to_string(weights.levels.size()) + " weights, and " +
             std::to_string(weights.outputs) + " x " + std::to_string(weights.inputs) + ", at most " +
             std::to_string(max_weights) + ", are needed");
    }
    check_levels(weights);
    return accumulator_range(weights, range, output);
  }

  static IntegerRange accumulator_range(const Weights& weights, const IntegerRange& range,
                                        const Tensor& accumulators) {
    // A sum of up to 2^30 levels of at most 2^30 fits; its product with an input need not.
    const int64_t most = range.magnitude();
    const int64_t limit = bound_of(accumulators);
    int64_t bound = 0;
    for (uint64_t output = 0; output < weights.outputs; ++output) {
      const int32_t* levels = weights.levels.data() + output * weights.inputs;
      int64_t sum = 0;
      for (uint64_t input = 0; input < weights.inputs; ++input) sum += std::abs(int64_t{levels[input]});
      if (most != 0 && sum > limit / most) {
        refuse("its output " + std::to_string(output) + " can reach " + std::to_string(sum) + " * " +
               std::to_string(most) + ", beyond the " + std::to_string(limit) + " of an accumulator of " +
               std::to_string(accumulators.bits) +
               " bits; use fewer activation bits or weights of a smaller range");
      }
      bound = std::max(bound, sum * most);
    }
    return {-bound, bound};
  }

  IntegerRange check_operation(const Linear& linear, uint32_t input_index, const Tensor& input,
                               const Tensor& output, const IntegerRange& range) {
    check_shape(output, output.channels, 1, 1);
    return check_weights(linear.weights, input_index, input.elements(), output, range);
  }

  IntegerRange check_operation(const Conv2d& conv, uint32_t input_index, const Tensor& input,
                               const Tensor& output, const IntegerRange& range) {
    check_window(conv.kernel_height, conv.kernel_width, 1, "kernel");
    check_window(conv.stride_height, conv.stride_width, 1, "stride");
    check_window(conv.padding_height, conv.padding_width, 0, "padding");
    check_window(conv.dilation_height, conv.dilation_width, 1, "dilation");
    if (conv.groups < 1 || input.channels % conv.groups != 0 || output.channels % conv.groups != 0) {
      refuse("its " + std::to_string(conv.groups) + " groups do not divide its " +
             std::to_string(input.channels) + " input and " + std::to_string(output.channels) +
             " output channels");
    }
    check_shape(output, output.channels,
                convolution_extent(input.height, conv.kernel_height, conv.stride_height, conv.padding_height,
                                   conv.dilation_height),
                convolution_extent(input.width, conv.kernel_width, conv.stride_width, conv.padding_width,
                                   conv.dilation_width));
    const int64_t fan_in = int64_t{input.channels / conv.groups} * conv.kernel_height * conv.kernel_width;
    return check_weights(conv.weights, input_index, fan_in, output, range);
  }

  template <typename Pool>
  static void check_pool(const Pool& pool, const Tensor& input, const Tensor& output) {
    check_window(pool.kernel_height, pool.kernel_width, 1, "kernel");
    check_window(pool.stride_height, pool.stride_width, 1, "stride");
    check_window(pool.padding_height, pool.padding_width, 0, "padding");
    // Otherwise a window could lie in the padding alone and have no pixel.
    if (2 * pool.padding_height > pool.kernel_height || 2 * pool.padding_width > pool.kernel_width) {
      refuse("its padding is more than half of its kernel");
    }
    check_shape(output, input.channels,
                pooling_extent(input.height, pool.kernel_height, pool.stride_height, pool.padding_height,
                               pool.ceil_mode),
                pooling_extent(input.width, pool.kernel_width, pool.stride_width, pool.padding_width,
                               pool.ceil_mode));
  }

  static IntegerRange check_operation(const MaxPool2d& pool, uint32_t, const Tensor& input,
                                      const Tensor& output, const IntegerRange& range) {
    check_pool(pool, input, output);
    if (output.kind != input.kind || output.bits != input.bits || output.is_signed != input.is_signed ||
        output.fraction_bits != input.fraction_bits) {
      refuse("its output tensor '" + output.name + "' must have the kind and bits of its input '" +
             input.name + "'");
    }
    return range;
  }

  static IntegerRange check_operation(const AvgPool2d& pool, uint32_t, const Tensor& input,
                                      const Tensor& output, const IntegerRange& range) {
    check_pool(pool, input, output);
    check_kind(output, TensorKind::integer, "of integers");
    const int64_t multiple = pooling_multiple(input.height, pool.kernel_height, pool.stride_height,
                                              pool.padding_height, pool.ceil_mode) *
                             pooling_multiple(input.width, pool.kernel_width, pool.stride_width,
                                              pool.padding_width, pool.ceil_mode);
    if (multiple == 0 || multiple > max_pooling_multiple) {
      refuse("its windows have so many pixel counts that their least common multiple is beyond " +
             std::to_string(max_pooling_multiple));
    }
    if (pool.multiple != multiple) {
      refuse("its multiple is " + std::to_string(pool.multiple) +
             ", and that of its windows' pixel counts is " + std::to_string(multiple));
    }
    // |sum| <= n * most, so that |sum| * (multiple / n) <= most * multiple, for every part of the sum too.
    if (range.magnitude() > bound_of(output) / multiple) {
      refuse("its sums can reach " + std::to_string(range.magnitude()) + " * " + std::to_string(multiple) +
             ", beyond an accumulator of " + std::to_string(output.bits) + " bits");
    }
    return {range.minimum * multiple, range.maximum * multiple};
  }

  IntegerRange check_add(const Add& add, const Layer& layer, const Tensor& output) const {
    const Tensor& first = network_.tensors[layer.inputs[0]];
    const Tensor& second = network_.tensors[layer.inputs[1]];
    if (shape_of(first) != shape_of(second)) {
      refuse("it adds '" + first.name + "', " + shape_of(first) + ", and '" + second.name + "', " +
             shape_of(second));
    }
    check_same_shape(first, output);
    check_kind(output, TensorKind::fixed_point, "fixed point");
    check_per_channel(add.first_multiplier, first, "first multipliers");
    check_per_channel(add.second_multiplier, first, "second multipliers");
    check_per_channel(add.addend, first, "addends");
    check_per_channel(add.shift, first, "shifts");
    for (uint32_t channel = 0; channel < first.channels; ++channel) {
      check_scaling(ranges_[layer.inputs[0]], add.first_multiplier[channel], add.addend[channel],
                    add.shift[channel], channel,
                    scaled_magnitude(ranges_[layer.inputs[1]], add.second_multiplier[channel], channel));
    }
    return range_of_bits(output.bits, output.is_signed);
  }

  /// |x| * |multiplier| for every x of the range, which must fit in 63 bits.
  static int64_t scaled_magnitude(const IntegerRange& range, int32_t multiplier, uint32_t channel) {
    const int64_t factor = std::abs(int64_t{multiplier});
    if (factor != 0 && range.magnitude() > std::numeric_limits<int64_t>::max() / factor) {
      refuse("the product of channel " + std::to_string(channel) + " can leave 64 bits");
    }
    return range.magnitude() * factor;
  }

  /// Checks (x * multiplier + addend + other) >> shift, where |other| is at most `other`.
  static void check_scaling(const IntegerRange& range, int32_t multiplier, int64_t addend, uint8_t shift,
                            uint32_t channel, int64_t other) {
    const std::string place = " of channel " + std::to_string(channel);
    if (shift > max_requantize_shift) {
      refuse("the shift" + place + " is " + std::to_string(shift) + ", and it is 0 to " +
             std::to_string(max_requantize_shift));
    }
    if (addend > max_requantize_addend || addend < -max_requantize_addend) {
      refuse("the addend" + place + " is " + std::to_string(addend) + ", beyond 2^62");
    }
    const int64_t room = std::numeric_limits<int64_t>::max() - std::abs(addend);
    const int64_t product = scaled_magnitude(range, multiplier, channel);
    if (product > room || other > room - product)
      refuse("the product and addend" + place + " can leave 64 bits");
  }

  static IntegerRange check_operation(const Requantize& requantize, uint32_t, const Tensor& input,
                                      const Tensor& output, const IntegerRange& range) {
    check_same_shape(input, output);
    check_kind(output, TensorKind::fixed_point, "fixed point");
    check_per_channel(requantize.multiplier, input, "multipliers");
    check_per_channel(requantize.addend, input, "addends");
    check_per_channel(requantize.shift, input, "shifts");
    for (uint32_t channel = 0; channel < input.channels; ++channel) {
      check_scaling(range, requantize.multiplier[channel], requantize.addend[channel],
                    requantize.shift[channel], channel, 0);
    }
    return range_of_bits(output.bits, output.is_signed);
  }

  static IntegerRange check_operation(const Threshold& threshold, uint32_t, const Tensor& input,
                                      const Tensor& output, const IntegerRange&) {
    check_same_shape(input, output);
    check_kind(output, TensorKind::sign, "signs");
    check_per_channel(threshold.threshold, input, "thresholds");
    check_per_channel(threshold.rising, input, "directions");
    const IntegerRange stored = range_of_bits(input.is_wide() ? 64 : 32, true);
    for (const int64_t value : threshold.threshold) {
      if (value < stored.minimum || value > stored.maximum) {
        refuse("a threshold is " + std::to_string(value) + ", beyond the bits of its input tensor '" +
               input.name + "'");
      }
    }
    for (const uint8_t rising : threshold.rising) {
      if (rising > 1) refuse("a threshold's direction is " + std::to_string(rising) + ", and it is 0 or 1");
    }
    return {-1, 1};
  }

  void check_output() const {
    const Tensor& output = tensor(network_.output, "its output");
    for (std::size_t index = 0; index < written_.size(); ++index) {
      if (!written_[index]) refuse("no layer writes tensor '" + network_.tensors[index].name + "'");
    }
    if (network_.output == network_.input.tensor)
      refuse("its output tensor '" + output.name + "' is its input");
    if (output.height != 1 || output.width != 1) {
      refuse("its output tensor '" + output.name + "' is " + shape_of(output) +
             ", and it is one pixel, a channel a class");
    }
    if (!network_.class_names.empty() && network_.class_names.size() != output.channels) {
      refuse("it names " + std::to_string(network_.class_names.size()) +
             " classes, and its output tensor has " + std::to_string(output.channels));
    }
  }

  void check_golden(const GoldenVector& golden) const {
    const Tensor& input = network_.tensors[network_.input.tensor];
    if (golden.input.size() != static_cast<uint64_t>(input.elements())) {
      refuse("it has " + std::to_string(golden.input.size()) + " bytes, and the input takes " +
             std::to_string(input.elements()));
    }
    if (golden.label < -1 ||
        golden.label >= static_cast<int64_t>(network_.tensors[network_.output].channels)) {
      refuse("its label " + std::to_string(golden.label) + " is no class");
    }
    if (golden.tensors.size() != network_.tensors.size()) {
      refuse("it has the integers of " + std::to_string(golden.tensors.size()) + " tensors, and there are " +
             std::to_string(network_.tensors.size()));
    }
    for (std::size_t index = 0; index < golden.tensors.size(); ++index) {
      at("tensor '" + network_.tensors[index].name + "': ", [&] { check_golden_values(golden, index); });
    }
  }

  void check_golden_values(const GoldenVector& golden, std::size_t index) const {
    const std::vector<int64_t>& values = golden.tensors[index];
    const Tensor& target = network_.tensors[index];
    if (values.size() != static_cast<uint64_t>(target.elements())) {
      refuse("it has " + std::to_string(values.size()) + " integers for " + shape_of(target));
    }
    const int64_t multiplier = network_.input.multiplier;
    for (std::size_t element = 0; element < values.size(); ++element) {
      const int64_t value = values[element];
      const bool is_possible = index == network_.input.tensor
                                   ? value == multiplier * golden.input[element] + network_.input.offset
                                   : value >= ranges_[index].minimum && value <= ranges_[index].maximum &&
                                         (target.kind != TensorKind::sign || value != 0);
      if (!is_possible) refuse("it cannot hold " + std::to_string(value));
    }
  }

  const Network& network_;
  std::vector<IntegerRange> ranges_;
  std::vector<bool> written_;
};

/// The tables of the file.
uint64_t table_count(const Package& package) {
  uint64_t count = 1;
  for (const Network& network : package.networks) {
    count += 2 + network.tensors.size() + network.golden.size();
    for (const GoldenVector& golden : network.golden) count += golden.tensors.size();
    for (const Layer& layer : network.layers) count += weights_of(layer.operation) != nullptr ? 4 : 2;
  }
  return count;
}

}  // namespace

std::vector<IntegerRange> validate(const Network& network) {
  at("a network: ", [&] { check_text(network.name, "its name"); });
  std::vector<IntegerRange> ranges;
  at("network '" + network.name + "': ", [&] { ranges = NetworkCheck(network).run(); });
  return ranges;
}

void validate(const Package& package) {
  check_text(package.producer, "its producer");
  if (package.networks.empty()) refuse("it holds no network");
  check_count(package.networks.size(), max_networks, "networks");
  check_count(table_count(package), max_tables, "tables in the file");
  uint64_t weights = 0;
  for (const Network& network : package.networks) {
    validate(network);
    for (const Layer& layer : network.layers) {
      if (const Weights* of_layer = weights_of(layer.operation)) weights += of_layer->levels.size();
    }
  }
  if (weights > max_weights)
    refuse("its networks have more than " + std::to_string(max_weights) + " weights");
}

}  // namespace kones::package
