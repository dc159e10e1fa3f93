// What a .kones file holds, as plain values: what the exporter fills, the writer stores, the reader returns
// and the engine computes. docs/package-format.md defines the file; validate.h says what a valid package is.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "kones/numeric/format.h"

namespace kones::package {

/// The numbers are stored in files and never change.
enum class TensorKind : uint8_t {
  integer = 0,      ///< accumulators, or the network's input
  fixed_point = 1,  ///< value = integer * 2^-fraction_bits
  sign = 2,         ///< -1 or +1
};

/// A tensor of one image, [channels][height][width].
struct Tensor {
  std::string name;
  uint32_t channels = 1;
  uint32_t height = 1;
  uint32_t width = 1;
  TensorKind kind = TensorKind::integer;
  int bits = 32;          ///< fixed point: 1..32 signed, 1..31 unsigned; integer: 32 or 64; sign: 1
  bool is_signed = true;  ///< true for integer and sign
  int fraction_bits = 0;  ///< fixed point: -126..126; else 0

  static Tensor integer(std::string name, uint32_t channels, uint32_t height = 1, uint32_t width = 1,
                        int bits = 32);
  static Tensor fixed_point(std::string name, uint32_t channels, uint32_t height, uint32_t width, int bits,
                            bool is_signed, int fraction_bits);
  static Tensor sign(std::string name, uint32_t channels, uint32_t height = 1, uint32_t width = 1);

  int64_t pixels() const { return int64_t{height} * width; }
  int64_t elements() const { return int64_t{channels} * pixels(); }
  /// Whether its integers need not fit in int32.
  bool is_wide() const { return kind == TensorKind::integer && bits == 64; }
};

/// How the data set's byte b enters: as the integer multiplier * b + offset, which stands for integer /
/// divisor.
struct Input {
  uint32_t tensor = 0;
  int32_t multiplier = 2;
  int32_t offset = -255;
  int32_t divisor = 255;
};

/// A weight matrix, decoded: weight = level * 2^-format.fraction_bits().
struct Weights {
  NumberFormat format;
  uint32_t outputs = 0;  ///< output channels or features
  uint32_t inputs = 0;   ///< fan-in: (c * kernel_height + ky) * kernel_width + kx, or (c * H + y) * W + x
  std::vector<int32_t> levels;  ///< [outputs][inputs]
};

/// sum(level * x) over the input tensor, flattened as [channels][height][width].
struct Linear {
  Weights weights;
};

/// sum(level * x) over the window; a padded pixel adds nothing.
struct Conv2d {
  Weights weights;
  uint32_t kernel_height = 1;
  uint32_t kernel_width = 1;
  uint32_t stride_height = 1;
  uint32_t stride_width = 1;
  uint32_t padding_height = 0;
  uint32_t padding_width = 0;
  uint32_t dilation_height = 1;
  uint32_t dilation_width = 1;
  uint32_t groups = 1;
};

/// The largest of the window's pixels that lie inside the input.
struct MaxPool2d {
  uint32_t kernel_height = 1;
  uint32_t kernel_width = 1;
  uint32_t stride_height = 1;
  uint32_t stride_width = 1;
  uint32_t padding_height = 0;
  uint32_t padding_width = 0;
  bool ceil_mode = false;
};

/// multiple / n times the sum of the n pixels of the window that lie inside the input: the average, in units
/// of 1 / multiple of the input's, exact.
struct AvgPool2d {
  uint32_t kernel_height = 1;
  uint32_t kernel_width = 1;
  uint32_t stride_height = 1;
  uint32_t stride_width = 1;
  uint32_t padding_height = 0;
  uint32_t padding_width = 0;
  bool ceil_mode = false;
  uint32_t multiple = 1;  ///< the least common multiple of the windows' pixel counts (pooling_multiple)
};

/// floor((a * first_multiplier[c] + b * second_multiplier[c] + addend[c]) / 2^shift[c]) of two tensors a and
/// b, saturated to the output tensor's range: a residual connection that brings both to one scale.
struct Add {
  std::vector<int32_t> first_multiplier;   ///< [channels]
  std::vector<int32_t> second_multiplier;  ///< [channels]
  std::vector<int64_t> addend;             ///< [channels], within -2^62..2^62
  std::vector<uint8_t> shift;              ///< [channels], 0..62
};

/// floor((x * multiplier[c] + addend[c]) / 2^shift[c]), saturated to the output tensor's range. For rounding
/// half up the addend holds 2^(shift - 1).
struct Requantize {
  std::vector<int32_t> multiplier;  ///< [channels]
  std::vector<int64_t> addend;      ///< [channels], within -2^62..2^62
  std::vector<uint8_t> shift;       ///< [channels], 0..62
};

/// +1 where x >= threshold[c] (rising) or x <= threshold[c] (falling), else -1.
struct Threshold {
  std::vector<int64_t> threshold;  ///< [channels], within the bits of the input tensor's integers
  std::vector<uint8_t> rising;     ///< [channels], 0 or 1
};

using Operation = std::variant<Linear, Conv2d, MaxPool2d, Requantize, Threshold, AvgPool2d, Add>;

struct Layer {
  std::string name;
  std::vector<uint32_t> inputs;  ///< tensor indices: two for Add, one for every other operation
  uint32_t output = 0;           ///< tensor index
  Operation operation;
};

/// The operation's name in the schema: "Linear", "Conv2d", ...
const char* operation_name(const Operation& operation);

/// The weights of a Linear or Conv2d; null for the others.
const Weights* weights_of(const Operation& operation);

/// A picture and every integer that it gives.
struct GoldenVector {
  std::vector<uint8_t> input;  ///< the data set's bytes, [channels][height][width]
  int32_t label = -1;          ///< its class; -1 if unknown
  std::vector<std::vector<int64_t>>
      tensors;  ///< [tensor][channels * height * width], in the order of Network::tensors
};

/// A graph of layers over tensors, in topological order. The prediction is the channel of the output tensor
/// with the largest integer, the first of them on a tie.
struct Network {
  std::string name;
  std::string model;
  std::string method;
  std::string dataset;
  std::vector<Tensor> tensors;
  Input input;
  uint32_t output = 0;  ///< tensor index
  std::vector<Layer> layers;
  std::vector<GoldenVector> golden;
  std::vector<std::string> class_names;  ///< one per class, or empty
};

struct Package {
  std::string producer;  ///< the program that wrote it
  std::vector<Network> networks;
};

}  // namespace kones::package
