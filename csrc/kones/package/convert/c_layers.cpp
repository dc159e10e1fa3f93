#include "kones/package/convert/c_layers.h"

#include <algorithm>
#include <map>
#include <variant>

#include "kones/package/convert/c_text.h"

namespace kones::package {

const char* const c_helpers =
    R"(/* floor(value / 2^shift); C leaves the right shift of negative integers open. */
static inline int64_t @p@_shifted(int64_t value, int shift)
{
  return value >= 0 ? value >> shift : ~(~value >> shift);
}

static inline int64_t @p@_clamped(int64_t value, int64_t least, int64_t most)
{
  return value < least ? least : value > most ? most : value;
}
)";

namespace {

using Values = std::map<std::string, std::string>;

/// Codes of more bits have too many levels for a table.
constexpr int most_table_bits = 8;

constexpr const char* linear_text = R"(
static inline void @f@(const @in@ *in, @out@ *out)
{
  for (int32_t o = 0; o < @outputs@; ++o) {
    @out@ sum = 0;
    for (int32_t i = 0; i < @inputs@; ++i) {
      sum += (@out@)@level@ * (@out@)in[i];
    }
    out[o] = sum;
  }
}
)";

constexpr const char* conv_text = R"(
static inline void @f@(const @in@ *in, @out@ *out)
{
  for (int32_t o = 0; o < @outputs@; ++o) {
    const int32_t first = o / @group_outputs@ * @group_inputs@;
    for (int32_t y = 0; y < @out_height@; ++y) {
      for (int32_t x = 0; x < @out_width@; ++x) {
        @out@ sum = 0;
        for (int32_t c = 0; c < @group_inputs@; ++c) {
          for (int32_t ky = 0; ky < @kernel_height@; ++ky) {
            const int32_t from_y = y * @stride_height@ - @padding_height@ + ky * @dilation_height@;
            if (from_y < 0 || from_y >= @in_height@) continue;
            for (int32_t kx = 0; kx < @kernel_width@; ++kx) {
              const int32_t from_x = x * @stride_width@ - @padding_width@ + kx * @dilation_width@;
              const int32_t i = (c * @kernel_height@ + ky) * @kernel_width@ + kx;
              if (from_x < 0 || from_x >= @in_width@) continue;
              sum += (@out@)@level@ * (@out@)in[((first + c) * @in_height@ + from_y) * @in_width@ + from_x];
            }
          }
        }
        out[(o * @out_height@ + y) * @out_width@ + x] = sum;
      }
    }
  }
}
)";

/// @take@ takes the pixel `value` into `result`; @give@ makes the output of it.
constexpr const char* pool_text = R"(
static inline void @f@(const @in@ *in, @out@ *out)
{
  for (int32_t c = 0; c < @channels@; ++c) {
    for (int32_t y = 0; y < @out_height@; ++y) {
      for (int32_t x = 0; x < @out_width@; ++x) {
        @out@ result = 0;
        int32_t pixels = 0;
        for (int32_t ky = 0; ky < @kernel_height@; ++ky) {
          const int32_t from_y = y * @stride_height@ - @padding_height@ + ky;
          if (from_y < 0 || from_y >= @in_height@) continue;
          for (int32_t kx = 0; kx < @kernel_width@; ++kx) {
            const int32_t from_x = x * @stride_width@ - @padding_width@ + kx;
            if (from_x < 0 || from_x >= @in_width@) continue;
            @take@
            ++pixels;
          }
        }
        out[(c * @out_height@ + y) * @out_width@ + x] = @give@;
      }
    }
  }
}
)";

constexpr const char* max_take =
    R"({ const @in@ value = in[(c * @in_height@ + from_y) * @in_width@ + from_x];
              if (pixels == 0 || value > result) result = value; })";
constexpr const char* average_take = "result += in[(c * @in_height@ + from_y) * @in_width@ + from_x];";

constexpr const char* requantize_text = R"(
static inline void @f@(const @in@ *in, @out@ *out)
{
  for (int32_t i = 0; i < @elements@; ++i) {
    const int32_t c = i / @pixels@;
    const int64_t sum = (int64_t)in[i] * @f@_multiplier[c] + @f@_addend[c];
    out[i] = (@out@)@p@_clamped(@p@_shifted(sum, @f@_shift[c]), @least@, @most@);
  }
}
)";

constexpr const char* add_text = R"(
static inline void @f@(const @in@ *in, const @second@ *second, @out@ *out)
{
  for (int32_t i = 0; i < @elements@; ++i) {
    const int32_t c = i / @pixels@;
    const int64_t sum = (int64_t)in[i] * @f@_first_multiplier[c] +
                        (int64_t)second[i] * @f@_second_multiplier[c] + @f@_addend[c];
    out[i] = (@out@)@p@_clamped(@p@_shifted(sum, @f@_shift[c]), @least@, @most@);
  }
}
)";

constexpr const char* threshold_text = R"(
static inline void @f@(const @in@ *in, @out@ *out)
{
  for (int32_t i = 0; i < @elements@; ++i) {
    const int32_t c = i / @pixels@;
    const int64_t x = in[i], t = @f@_threshold[c];
    out[i] = (@out@)((@f@_rising[c] ? x >= t : x <= t) ? 1 : -1);
  }
}
)";

/// Levels as codes in bytes, in the order [outputs][inputs], and a table of the codes' levels.
struct PackedCodes {
  std::vector<uint8_t> bytes;
  std::vector<int32_t> table;
};

PackedCodes pack_rows(const Weights& weights) {
  const NumberFormat& format = weights.format;
  const int bits = format.storage_bits();
  PackedCodes packed;
  for (uint32_t code = 0; code < 1u << format.code_bits(); ++code)
    packed.table.push_back(format.decode(code));
  packed.bytes.resize((weights.levels.size() * bits + 7) / 8);
  for (std::size_t index = 0; index < weights.levels.size(); ++index) {
    const std::size_t bit = index * bits;
    packed.bytes[bit / 8] |= static_cast<uint8_t>(format.encode(weights.levels[index]) << bit % 8);
  }
  return packed;
}

class LayerWriter {
 public:
  LayerWriter(const Network& network, const Layer& layer, const std::string& prefix,
              const std::string& function)
      : layer_(layer), from_(network.tensors[layer.inputs[0]]), to_(network.tensors[layer.output]) {
    values_ = {{"p", prefix},
               {"f", function},
               {"in", c_type(type_of_integers(from_))},
               {"out", c_type(type_of_integers(to_))},
               {"in_height", std::to_string(from_.height)},
               {"in_width", std::to_string(from_.width)},
               {"out_height", std::to_string(to_.height)},
               {"out_width", std::to_string(to_.width)},
               {"channels", std::to_string(from_.channels)},
               {"pixels", std::to_string(from_.pixels())},
               {"elements", std::to_string(to_.elements())}};
    if (layer.inputs.size() > 1)
      values_["second"] = c_type(type_of_integers(network.tensors[layer.inputs[1]]));
  }

  std::string run() {
    std::string text = "\n/* " + comment_text(layer_.name) + ": " + operation_name(layer_.operation);
    if (const Weights* weights = weights_of(layer_.operation))
      text += ", weights " + weights->format.name() + ", level * 2^" +
              std::to_string(-weights->format.fraction_bits());
    return text + " */\n" +
           std::visit([&](const auto& operation) { return write(operation); }, layer_.operation);
  }

 private:
  void set(const char* name, int64_t value) { values_[name] = std::to_string(value); }

  std::string array(const char* name, ElementType type, const std::vector<int64_t>& values) {
    return c_array(values_["f"] + "_" + name, type, values);
  }

  template <typename Values>
  std::string constants(const char* name, ElementType type, const Values& values) {
    return c_array(values_["f"] + "_" + name, type, values);
  }

  /// The arrays of the weights; @level@ is then the level of output o and input i.
  std::string write_weights(const Weights& weights) {
    set("outputs", weights.outputs);
    set("inputs", weights.inputs);
    const std::string& f = values_["f"];
    const std::string element = "(o * " + values_["inputs"] + " + i)";
    const int bits = weights.format.storage_bits();
    if (weights.format.code_bits() > most_table_bits) {
      values_["level"] = f + "_levels[" + element + "]";
      return constants("levels", type_of_levels(weights), weights.levels);
    }
    const PackedCodes packed = pack_rows(weights);
    const auto [least, most] = std::minmax_element(packed.table.begin(), packed.table.end());
    const std::string count = std::to_string(8 / bits);
    const std::string byte = f + "_codes[" + element + " / " + count + "]";
    values_["level"] = f + "_levels[" + byte + " >> " + element + " % " + count + " * " +
                       std::to_string(bits) + " & " + std::to_string((1 << bits) - 1) + "]";
    if (bits == 8) values_["level"] = f + "_levels[" + f + "_codes[" + element + "]]";
    return constants("codes", ElementType::uint8, packed.bytes) +
           constants("levels", smallest_type(*least, *most), packed.table);
  }

  template <typename Window>
  void set_window(const Window& window) {
    set("kernel_height", window.kernel_height);
    set("kernel_width", window.kernel_width);
    set("stride_height", window.stride_height);
    set("stride_width", window.stride_width);
    set("padding_height", window.padding_height);
    set("padding_width", window.padding_width);
  }

  std::string write(const Linear& linear) {
    const std::string arrays = write_weights(linear.weights);
    return arrays + filled(linear_text, values_);
  }

  std::string write(const Conv2d& conv) {
    const std::string arrays = write_weights(conv.weights);
    set_window(conv);
    set("dilation_height", conv.dilation_height);
    set("dilation_width", conv.dilation_width);
    set("group_inputs", from_.channels / conv.groups);
    set("group_outputs", to_.channels / conv.groups);
    return arrays + filled(conv_text, values_);
  }

  std::string write(const MaxPool2d& pool) {
    set_window(pool);
    values_["take"] = filled(max_take, values_);
    values_["give"] = "result";
    return filled(pool_text, values_).substr(1);
  }

  std::string write(const AvgPool2d& pool) {
    set_window(pool);
    values_["take"] = filled(average_take, values_);
    values_["give"] = "result * (" + std::to_string(pool.multiple) + " / pixels)";
    return filled(pool_text, values_).substr(1);
  }

  void set_range() {
    set("least", to_.is_signed ? -(int64_t{1} << (to_.bits - 1)) : 0);
    set("most", (int64_t{1} << (to_.is_signed ? to_.bits - 1 : to_.bits)) - 1);
  }

  std::string write(const Requantize& requantize) {
    set_range();
    return constants("multiplier", ElementType::int32, requantize.multiplier) +
           constants("addend", ElementType::int64, requantize.addend) +
           constants("shift", ElementType::uint8, requantize.shift) + filled(requantize_text, values_);
  }

  std::string write(const Add& add) {
    set_range();
    return constants("first_multiplier", ElementType::int32, add.first_multiplier) +
           constants("second_multiplier", ElementType::int32, add.second_multiplier) +
           constants("addend", ElementType::int64, add.addend) +
           constants("shift", ElementType::uint8, add.shift) + filled(add_text, values_);
  }

  std::string write(const Threshold& threshold) {
    const auto [least, most] = std::minmax_element(threshold.threshold.begin(), threshold.threshold.end());
    return constants("threshold", smallest_type(*least, *most), threshold.threshold) +
           constants("rising", ElementType::uint8, threshold.rising) + filled(threshold_text, values_);
  }

  const Layer& layer_;
  const Tensor& from_;
  const Tensor& to_;
  Values values_;
};

}  // namespace

std::string c_layer(const Network& network, std::size_t layer, const std::string& prefix,
                    const NetworkNames& names) {
  return LayerWriter(network, network.layers[layer], prefix, prefix + "_layer_" + names.layers[layer]).run();
}

}  // namespace kones::package
