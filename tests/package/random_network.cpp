#include "package/random_network.h"

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

Weights RandomNetwork::random_weights(const NumberFormat& format, uint32_t outputs, uint32_t inputs) {
  Weights weights{format, outputs, inputs, {}};
  const std::vector<int32_t> levels = format.levels();
  double squares = 0.0;
  for (uint64_t index = 0; index < uint64_t{outputs} * inputs; ++index) {
    weights.levels.push_back(levels[uniform(0, static_cast<int>(levels.size()) - 1)]);
    squares += std::pow(weights.levels.back(), 2);
  }
  magnitude_ *= std::sqrt(squares / outputs);
  return weights;
}

void RandomNetwork::append(Tensor output, Operation operation) {
  const auto index = static_cast<uint32_t>(network_.tensors.size());
  const std::string name = operation_name(operation) + std::to_string(index);
  output.name = "out of " + name;
  network_.layers.push_back({name, {index - 1}, index, std::move(operation)});
  network_.tensors.push_back(std::move(output));
}

RandomNetwork& RandomNetwork::linear(const NumberFormat& format, uint32_t outputs) {
  const auto inputs = static_cast<uint32_t>(last().elements());
  append(Tensor::integer("", outputs, 1, 1, accumulator_bits_),
         Linear{random_weights(format, outputs, inputs)});
  return *this;
}

RandomNetwork& RandomNetwork::conv(const NumberFormat& format, uint32_t outputs, Conv2d geometry) {
  const Tensor from = last();
  const auto height = convolution_extent(from.height, geometry.kernel_height, geometry.stride_height,
                                         geometry.padding_height, geometry.dilation_height);
  const auto width = convolution_extent(from.width, geometry.kernel_width, geometry.stride_width,
                                        geometry.padding_width, geometry.dilation_width);
  geometry.weights = random_weights(
      format, outputs, from.channels / geometry.groups * geometry.kernel_height * geometry.kernel_width);
  append(Tensor::integer("", outputs, static_cast<uint32_t>(height), static_cast<uint32_t>(width),
                         accumulator_bits_),
         geometry);
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
  Tensor output = last();
  pool_extents(geometry, output);
  append(output, geometry);
  return *this;
}

RandomNetwork& RandomNetwork::avg_pool(AvgPool2d geometry) {
  const Tensor from = last();
  Tensor output = Tensor::integer("", from.channels, from.height, from.width, accumulator_bits_);
  pool_extents(geometry, output);
  geometry.multiple =
      static_cast<uint32_t>(pooling_multiple(from.height, geometry.kernel_height, geometry.stride_height,
                                             geometry.padding_height, geometry.ceil_mode) *
                            pooling_multiple(from.width, geometry.kernel_width, geometry.stride_width,
                                             geometry.padding_width, geometry.ceil_mode));
  magnitude_ *= geometry.multiple;
  append(output, geometry);
  return *this;
}

RandomNetwork& RandomNetwork::add(uint32_t other, int bits, bool is_signed) {
  const Tensor from = last();
  Add operation;
  for (uint32_t channel = 0; channel < from.channels; ++channel) {
    const int shift = uniform(8, 20);
    const double scale = std::ldexp(uniform(2, 8) / magnitude_, bits + shift - 2);
    operation.first_multiplier.push_back(static_cast<int32_t>(std::fmin(scale, 2e9)) *
                                         (uniform(0, 3) == 0 ? -1 : 1));
    operation.second_multiplier.push_back(uniform(-(1 << shift), 1 << shift));
    operation.addend.push_back((int64_t{1} << (shift - 1)) + uniform(-8, 8) * (int64_t{1} << shift));
    operation.shift.push_back(static_cast<uint8_t>(shift));
  }
  append(Tensor::fixed_point("", from.channels, from.height, from.width, bits, is_signed, 4), operation);
  network_.layers.back().inputs.push_back(other);
  magnitude_ = std::ldexp(0.5, bits);
  return *this;
}

RandomNetwork& RandomNetwork::accumulator_bits(int bits) {
  accumulator_bits_ = bits;
  return *this;
}

RandomNetwork& RandomNetwork::requantize(int bits, bool is_signed) {
  const Tensor from = last();
  Requantize operation;
  for (uint32_t channel = 0; channel < from.channels; ++channel) {
    const int shift = uniform(8, 24);
    // Twice the range and more, so that some values saturate; one channel in four turns the sign.
    const double scale = std::ldexp(uniform(2, 8) / magnitude_, bits + shift - 2);
    operation.multiplier.push_back(static_cast<int32_t>(std::fmin(scale, 2e9)) *
                                   (uniform(0, 3) == 0 ? -1 : 1));
    operation.addend.push_back((int64_t{1} << (shift - 1)) + uniform(-8, 8) * (int64_t{1} << shift));
    operation.shift.push_back(static_cast<uint8_t>(shift));
  }
  append(Tensor::fixed_point("", from.channels, from.height, from.width, bits, is_signed, 4), operation);
  magnitude_ = std::ldexp(0.5, bits);
  return *this;
}

RandomNetwork& RandomNetwork::threshold() {
  const Tensor from = last();
  const int most = static_cast<int>(std::fmin(magnitude_, 2e9));
  Threshold operation;
  for (uint32_t channel = 0; channel < from.channels; ++channel) {
    operation.threshold.push_back(uniform(-most, most));
    operation.rising.push_back(static_cast<uint8_t>(uniform(0, 1)));
  }
  append(Tensor::sign("", from.channels, from.height, from.width), operation);
  magnitude_ = 1.0;
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
