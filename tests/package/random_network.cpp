#include "package/random_network.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <zlib.h>

#include "kones/engine/reference.h"
#include "kones/package/geometry.h"

namespace kones::package {

RandomNetwork::RandomNetwork(uint32_t channels, uint32_t height, uint32_t width, uint32_t seed)
    : random_(seed) {
  network_.name = "random";
  network_.model = "random-model";
  network_.method = "lightnn-1";
  network_.dataset = "noise";
  network_.tensors.push_back(Tensor::integer("input", channels, height, width));
}

RandomNetwork& RandomNetwork::input_map(int32_t multiplier, int32_t offset, int32_t divisor) {
  network_.input = {0, multiplier, offset, divisor};
  magnitudes_[0] = std::fabs(64.0 * multiplier) + std::fabs(127.5 * multiplier + offset);
  return *this;
}

RandomNetwork& RandomNetwork::from(uint32_t index) {
  source_ = index;
  return *this;
}

Weights RandomNetwork::random_weights(const NumberFormat& format, uint32_t outputs, uint32_t inputs) {
  Weights weights{format, outputs, inputs, {}};
  // Not from format.levels(), which looks at every integer between the ends.
  const bool is_grid = format.family == FormatFamily::fixed_point;
  std::vector<int32_t> levels;
  for (uint32_t code = 0; !is_grid && code < 1u << format.code_bits(); ++code) {
    if (format.is_canonical(code)) levels.push_back(format.decode(code));
  }
  std::sort(levels.begin(), levels.end());
  const int most = is_grid ? format.max_level() - format.min_level() : static_cast<int>(levels.size()) - 1;
  for (uint64_t index = 0; index < uint64_t{outputs} * inputs; ++index) {
    const int chosen = uniform(0, most);
    weights.levels.push_back(is_grid ? format.min_level() + chosen : levels[chosen]);
  }
  return weights;
}

namespace {

/// The magnitude of a sum of products with the weights of one output.
double gain(const Weights& weights) {
  double squares = 0.0;
  for (const int32_t level : weights.levels) squares += std::pow(level, 2);
  return std::sqrt(squares / weights.outputs);
}

}  // namespace

void RandomNetwork::append(Tensor output, Operation operation, double magnitude) {
  const auto index = static_cast<uint32_t>(network_.tensors.size());
  const std::string name = operation_name(operation) + std::to_string(index);
  output.name = "out of " + name;
  network_.layers.push_back({name, {source_}, index, std::move(operation)});
  network_.tensors.push_back(std::move(output));
  magnitudes_.push_back(magnitude);
  source_ = index;
}

RandomNetwork& RandomNetwork::linear(const NumberFormat& format, uint32_t outputs) {
  const auto inputs = static_cast<uint32_t>(tensor().elements());
  const Linear operation{random_weights(format, outputs, inputs)};
  append(Tensor::integer("", outputs, 1, 1, accumulator_bits_), operation,
         magnitude() * gain(operation.weights));
  return *this;
}

RandomNetwork& RandomNetwork::conv(const NumberFormat& format, uint32_t outputs, Conv2d geometry) {
  const Tensor from = tensor();
  const auto height = convolution_extent(from.height, geometry.kernel_height, geometry.stride_height,
                                         geometry.padding_height, geometry.dilation_height);
  const auto width = convolution_extent(from.width, geometry.kernel_width, geometry.stride_width,
                                        geometry.padding_width, geometry.dilation_width);
  geometry.weights = random_weights(
      format, outputs, from.channels / geometry.groups * geometry.kernel_height * geometry.kernel_width);
  append(Tensor::integer("", outputs, static_cast<uint32_t>(height), static_cast<uint32_t>(width),
                         accumulator_bits_),
         geometry, magnitude() * gain(geometry.weights));
  return *this;
}

namespace {

template <typename Pool>
void pool_extents(const Pool& pool, Tensor& tensor) {
  tensor.height = static_cast<uint32_t>(pooling_extent(tensor.height, pool.kernel_height, pool.stride_height,
                                                       pool.padding_height, pool.ceil_mode));
  tensor.width = static_cast<uint32_t>(
      pooling_extent(tensor.width, pool.kernel_width, pool.stride_width, pool.padding_width, pool.ceil_mode));
}

}  // namespace

RandomNetwork& RandomNetwork::max_pool(const MaxPool2d& geometry) {
  Tensor output = tensor();
  pool_extents(geometry, output);
  append(output, geometry, magnitude());
  return *this;
}

RandomNetwork& RandomNetwork::avg_pool(AvgPool2d geometry) {
  const Tensor from = tensor();
  Tensor output = Tensor::integer("", from.channels, from.height, from.width, accumulator_bits_);
  pool_extents(geometry, output);
  geometry.multiple =
      static_cast<uint32_t>(pooling_multiple(from.height, geometry.kernel_height, geometry.stride_height,
                                             geometry.padding_height, geometry.ceil_mode) *
                            pooling_multiple(from.width, geometry.kernel_width, geometry.stride_width,
                                             geometry.padding_width, geometry.ceil_mode));
  append(output, geometry, magnitude() * geometry.multiple);
  return *this;
}

int32_t RandomNetwork::random_multiplier(double magnitude, int bits, int shift) {
  const double scale = std::ldexp(uniform(2, 8) / magnitude, bits + shift - 2);
  return static_cast<int32_t>(std::fmin(scale, 2e9)) * (uniform(0, 3) == 0 ? -1 : 1);
}

int RandomNetwork::random_shift(int low, int high, double magnitude, int bits) {
  const int more = std::max(0, std::ilogb(magnitude) - 24);
  return std::min(uniform(low, high) + more, 54 - bits);
}

RandomNetwork& RandomNetwork::add(uint32_t other, int bits, bool is_signed) {
  const Tensor from = tensor();
  Add operation;
  for (uint32_t channel = 0; channel < from.channels; ++channel) {
    const int shift = random_shift(8, 20, std::max(magnitude(), magnitudes_[other]), bits);
    operation.first_multiplier.push_back(random_multiplier(magnitude(), bits, shift));
    operation.second_multiplier.push_back(random_multiplier(magnitudes_[other], bits, shift));
    operation.addend.push_back((int64_t{1} << (shift - 1)) + uniform(-8, 8) * (int64_t{1} << shift));
    operation.shift.push_back(static_cast<uint8_t>(shift));
  }
  append(Tensor::fixed_point("", from.channels, from.height, from.width, bits, is_signed, 4), operation,
         std::ldexp(0.5, bits));
  network_.layers.back().inputs.push_back(other);
  return *this;
}

RandomNetwork& RandomNetwork::accumulator_bits(int bits) {
  accumulator_bits_ = bits;
  return *this;
}

RandomNetwork& RandomNetwork::requantize(int bits, bool is_signed) {
  const Tensor from = tensor();
  Requantize operation;
  for (uint32_t channel = 0; channel < from.channels; ++channel) {
    const int shift = random_shift(8, 24, magnitude(), bits);
    operation.multiplier.push_back(random_multiplier(magnitude(), bits, shift));
    operation.addend.push_back((int64_t{1} << (shift - 1)) + uniform(-8, 8) * (int64_t{1} << shift));
    operation.shift.push_back(static_cast<uint8_t>(shift));
  }
  append(Tensor::fixed_point("", from.channels, from.height, from.width, bits, is_signed, 4), operation,
         std::ldexp(0.5, bits));
  return *this;
}

RandomNetwork& RandomNetwork::threshold() {
  const Tensor from = tensor();
  const auto most = static_cast<int64_t>(magnitude());
  Threshold operation;
  for (uint32_t channel = 0; channel < from.channels; ++channel) {
    operation.threshold.push_back(uniform(-most, most));
    operation.rising.push_back(static_cast<uint8_t>(uniform(0, 1)));
  }
  append(Tensor::sign("", from.channels, from.height, from.width), operation, 1.0);
  return *this;
}

std::vector<uint8_t> RandomNetwork::images(int64_t count) {
  std::vector<uint8_t> bytes(count * network_.tensors[0].elements());
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(uniform(0, 255));
  return bytes;
}

Network RandomNetwork::build(int golden) {
  Network network = network_;
  network.output = static_cast<uint32_t>(network.tensors.size() - 1);
  for (int index = 0; index < golden; ++index) {
    const std::vector<uint8_t> image = images(1);
    network.golden.push_back({image, uniform(-1, 1), engine::reference_integers(network, image.data())});
  }
  return network;
}

std::vector<NumberFormat> stored_formats() {
  std::vector<NumberFormat> formats{NumberFormat::binary(), NumberFormat::ternary()};
  for (const int terms : {1, 2, 3, 4}) {
    for (const int max_shift : {0, 1, 4, 7, 15}) formats.push_back(NumberFormat::k_ones(terms, max_shift));
  }
  for (const auto& [least, most] :
       {std::pair{-1, -1}, {-2, -1}, {-2, 0}, {-6, 0}, {-7, 0}, {-20, 10}, {-126, -120}, {112, 126}}) {
    for (const bool zero : {false, true}) formats.push_back(NumberFormat::power_of_two(least, most, zero));
  }
  for (int bits = 1; bits <= 24; ++bits) {
    // The radix point moves from beyond one end to beyond the other.
    for (const bool is_signed : {false, true})
      formats.push_back(NumberFormat::fixed_point(7 * bits % 40 - 8, bits - (7 * bits % 40 - 8), is_signed));
  }
  return formats;
}

Network example_network(int golden) {
  Conv2d geometry;
  geometry.kernel_height = 3;
  geometry.kernel_width = 2;
  geometry.padding_height = 1;
  MaxPool2d pool{2, 2, 2, 2, 0, 0, true};
  RandomNetwork random(1, 5, 4, 7);
  random.conv(NumberFormat::k_ones(1), 2, geometry).max_pool(pool).requantize(8, false);
  random.linear(NumberFormat::k_ones(2), 3).threshold().linear(NumberFormat::binary(), 2);
  Network network = random.build(golden);
  network.class_names = {"cat", "dog"};
  return network;
}

Network extended_network(int golden) {
  Conv2d geometry;
  geometry.kernel_height = geometry.kernel_width = 3;
  geometry.padding_height = geometry.padding_width = 1;
  RandomNetwork random(2, 5, 6, 17);
  random.conv(NumberFormat::power_of_two(-6, 0, true), 4, geometry).requantize(8, false);
  random.avg_pool({3, 2, 2, 2, 1, 0, true, 0}).requantize(6, true);
  random.conv(NumberFormat::fixed_point(1, 3), 4, geometry).add(4, 16, false);
  random.accumulator_bits(64).linear(NumberFormat::power_of_two(-20, 3), 3).threshold();
  random.accumulator_bits(32).linear(NumberFormat::ternary(), 2);
  Network network = random.build();
  // Thresholds beyond 32 bits, met by neither or by all.
  auto& threshold = std::get<Threshold>(network.layers[7].operation);
  threshold.threshold[0] = int64_t{1} << 40;
  threshold.threshold[1] = 0;
  for (int index = 0; index < golden; ++index) {
    const std::vector<uint8_t> image = random.images(1);
    network.golden.push_back({image, index % 2, engine::reference_integers(network, image.data())});
  }
  return network;
}

Package example_package() {
  return {"kones test", {example_network()}};
}

std::string with_checksum(std::string file) {
  const auto* bytes = reinterpret_cast<const Bytef*>(file.data());
  uLong crc = crc32(0, bytes, 24);
  crc = crc32(crc, bytes + 32, static_cast<uInt>(file.size() - 32));
  for (int byte = 0; byte < 4; ++byte) file[24 + byte] = static_cast<char>(crc >> (8 * byte) & 0xff);
  return file;
}

}  // namespace kones::package
