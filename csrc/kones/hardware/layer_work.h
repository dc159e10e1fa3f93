// The work of a network, as the cost model sees it: for each layer, how many sums of how many products, of
// what numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kones/numeric/format.h"
#include "kones/package/package.h"

namespace kones::hardware {

/// The numbers of a tensor, as arithmetic takes them and as memory holds them.
struct Operand {
  enum class Kind { float32, fixed_point, sign };
  Kind kind = Kind::float32;
  int bits = 32;         ///< of the arithmetic
  int stored_bits = 32;  ///< in memory

  static Operand float32() { return {}; }
  static Operand fixed_point(int bits) { return {Kind::fixed_point, bits, bits}; }
  static Operand sign() { return {Kind::sign, 1, 1}; }
  /// The data set's byte b, which enters as 2b - 255: 9 bits, but one bit of it is always set.
  static Operand byte() { return {Kind::fixed_point, 9, 8}; }
};

/// One layer, for one picture. A layer with weights makes outputs = channels * positions sums of fan_in
/// products each; one without has fan_in 0, and only additions and scalings.
struct LayerWork {
  std::string name;
  std::string operation;               ///< "Linear", "Conv2d", ... as in the package
  int64_t channels = 0;                ///< output channels or features, of all groups
  int64_t positions = 1;               ///< output pixels of a channel
  int64_t fan_in = 0;                  ///< products in a sum
  int64_t groups = 1;                  ///< of a convolution
  int64_t distinct_inputs = 0;         ///< elements of the input tensor
  std::optional<NumberFormat> format;  ///< of the weights; none: float32
  int64_t biases = 0;                  ///< parameters beside the weights that are stored as wide as these
  Operand input;
  Operand output;             ///< as the next layer with weights reads it
  int accumulator_bits = 32;  ///< that hold every sum of integers
  int64_t additions = 0;      ///< of addition_bits: pooling, comparisons with thresholds, sums of branches
  int addition_bits = 32;
  int64_t scalings = 0;  ///< products of addition_bits times scaling_bits: requantization
  int scaling_bits = 32;
  int64_t branch_bits = 0;    ///< read from memory beside the tensor that comes from the layer before
  int64_t constant_bits = 0;  ///< stored beside weights and biases: multipliers, addends, shifts, thresholds

  int64_t outputs() const { return channels * positions; }
  int64_t products() const { return outputs() * fan_in; }
  int64_t weights() const { return channels * fan_in; }
  /// Bits that a weight takes in memory: 32 without a format.
  int weight_bits() const { return format ? format->storage_bits() : 32; }
};

/// A network's layers in the order in which they are computed.
struct NetworkWork {
  std::string name;  ///< of the model
  std::string method;
  std::vector<LayerWork> layers;

  /// Parameters that have the width of weights: weights and biases.
  int64_t parameters() const;
};

/// The work of a package's network. Operations without weights follow the layer before in the same pass:
/// their input comes from no memory, and what is written is the tensor that the next layer with weights
/// reads. An operation that the cost model does not know is taken for one addition an input element. Throws
/// Error for an invalid network.
NetworkWork work_of(const package::Network& network);

}  // namespace kones::hardware
