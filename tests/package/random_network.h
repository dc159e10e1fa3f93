// Networks for tests, layer by layer, with random weights and constants that make every branch happen: values
// of both signs, saturation at both ends, thresholds both ways.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kones/error.h"
#include "kones/package/package.h"

namespace kones::package {

class RandomNetwork {
 public:
  RandomNetwork(uint32_t channels, uint32_t height, uint32_t width, uint32_t seed);

  /// How bytes enter, in place of 2b - 255; before the first layer.
  RandomNetwork& input_map(int32_t multiplier, int32_t offset, int32_t divisor);
  /// The next layer reads the tensor `index`, in place of the last one.
  RandomNetwork& from(uint32_t index);
  /// The tensor that the next layer reads: its index, and what it is.
  uint32_t source() const { return source_; }
  const Tensor& tensor() const { return network_.tensors[source_]; }

  RandomNetwork& linear(const NumberFormat& format, uint32_t outputs);
  /// `geometry`'s weights are filled in.
  RandomNetwork& conv(const NumberFormat& format, uint32_t outputs, Conv2d geometry);
  RandomNetwork& max_pool(const MaxPool2d& geometry);
  /// `geometry`'s multiple is filled in.
  RandomNetwork& avg_pool(AvgPool2d geometry);
  RandomNetwork& requantize(int bits, bool is_signed);
  /// The last tensor plus the tensor `other`, of the same shape.
  RandomNetwork& add(uint32_t other, int bits, bool is_signed);
  RandomNetwork& threshold();

  /// The network so far, whose last tensor is its output, with `golden` golden vectors computed by the
  /// reference.
  Network build(int golden = 0);

  /// Accumulators from here on have so many bits.
  RandomNetwork& accumulator_bits(int bits);

  /// Random images for it.
  std::vector<uint8_t> images(int64_t count);

 private:
  Weights random_weights(const NumberFormat& format, uint32_t outputs, uint32_t inputs);
  /// Of a multiplier that takes integers of `magnitude` to twice `bits` bits and more, so that some saturate;
  /// one in four turns the sign.
  int32_t random_multiplier(double magnitude, int bits, int shift);
  /// A shift that leaves such a multiplier bits, and products 64 bits.
  int random_shift(int low, int high, double magnitude, int bits);
  /// `magnitude` is that of the output's integers.
  void append(Tensor output, Operation operation, double magnitude);
  /// Of the integers of the tensor that is read, roughly.
  double magnitude() const { return magnitudes_[source_]; }
  template <typename Integer>
  Integer uniform(Integer low, Integer high) {
    return std::uniform_int_distribution<Integer>(low, high)(random_);
  }

  std::mt19937 random_;
  Network network_;
  std::vector<double> magnitudes_{128.0};  ///< of the tensors
  uint32_t source_ = 0;
  int accumulator_bits_ = 32;
};

/// Number formats that packages store: each family, the ends of its parameters, every width of codes and
/// storage.
std::vector<NumberFormat> stored_formats();

/// A small network with a chain of the commonest operations.
Network example_network(int golden = 1);

/// A small network with what format 1.1 added: Conv2d1 in powers of two with zero, Requantize2, AvgPool2d3,
/// Requantize4, Conv2d5 in fixed point, Add6 of it and Requantize4, Linear7 in powers of two with 64-bit
/// accumulators, Threshold8 of them, Linear9 in ternary. Tensor i + 1 is layer i's output.
Network extended_network(int golden = 1);

/// A package of the first.
Package example_package();

/// `file` with the checksum that its bytes ask for.
std::string with_checksum(std::string file);

/// The message of the Error that `action` throws; fails the test where it throws none, or more than one line.
template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
  ADD_FAILURE() << "no error";
  return {};
}

}  // namespace kones::package
