#include "convert/converter_networks.h"

#include "kones/engine/reference.h"
#include "kones/package/writer.h"

namespace kones::package {
namespace {

Network named(const char* name, Network network) {
  network.name = name;
  return network;
}

/// Golden vectors of a network that was changed after it was built.
void add_golden(Network& network, RandomNetwork& random, int count) {
  for (int index = 0; index < count; ++index) {
    const std::vector<uint8_t> picture = random.images(1);
    network.golden.push_back({picture, -1, engine::reference_integers(network, picture.data())});
  }
}

/// More than one tile along both axes, in 4, 8 and 1 bits.
Network tiles() {
  RandomNetwork random(2, 4, 3, 1);
  random.conv(NumberFormat::k_ones(1), 18, {{}, 3, 3, 1, 1, 1, 1, 1, 1, 1})
      .max_pool({3, 1, 3, 1, 0, 0, true});
  random.requantize(8, false).linear(NumberFormat::k_ones(2), 17).threshold();
  return random.linear(NumberFormat::binary(), 33).build(3);
}

/// Groups, strides and dilation that differ along the axes, padded pooling, storage of 2 to 32 bits,
/// activations of 12, 3 and 16 signed bits.
Network windows() {
  RandomNetwork random(2, 5, 4, 8);
  random.conv(NumberFormat::k_ones(1, 1), 2, {{}, 3, 2, 2, 1, 4, 3, 1, 2, 2}).requantize(12, true);
  random.conv(NumberFormat::k_ones(1, 15), 1, {{}, 1, 3, 1, 1, 0, 1, 1, 1, 1});
  random.max_pool({3, 2, 4, 1, 1, 0, false}).requantize(3, true).conv(NumberFormat::k_ones(3), 2, Conv2d{});
  random.threshold().max_pool({2, 2, 3, 3, 1, 1, false}).linear(NumberFormat::k_ones(4, 9), 2);
  return random.requantize(16, true).build(3);
}

/// Sums beyond float32's integers: convolutions with padding, stride, dilation and groups, and a pooling
/// whose last window hangs over; fixed point of 16 and 24 bits.
Network wide_sums() {
  RandomNetwork random(4, 7, 6, 21);
  random.accumulator_bits(64);
  random.conv(NumberFormat::k_ones(4, 15), 4, {{}, 3, 2, 2, 1, 1, 1, 2, 2, 2}).requantize(24, false);
  random.max_pool({1, 2, 1, 1, 0, 1, false}).avg_pool({2, 2, 2, 2, 0, 0, true, 0});
  random.max_pool({1, 2, 1, 1, 0, 0, false}).requantize(16, true);
  random.conv(NumberFormat::fixed_point(2, 14), 3, {{}, 2, 2, 1, 1, 1, 1, 1, 1, 1}).threshold();
  return random.linear(NumberFormat::binary(), 4).build(3);
}

/// Activations of 1 to 15 bits, signed or not, and unsigned fixed point weights.
Network narrow_activations() {
  RandomNetwork random(1, 6, 6, 5);
  random.conv(NumberFormat::ternary(), 4, {{}, 3, 3, 1, 1, 1, 1, 1, 1, 1}).requantize(1, false);
  random.conv(NumberFormat::fixed_point(1, 2, false), 4, {{}, 3, 3, 1, 1, 1, 1, 1, 1, 4})
      .requantize(4, false);
  random.conv(NumberFormat::power_of_two(-3, 2), 4, {{}, 2, 2, 2, 2, 0, 0, 1, 1, 1}).requantize(2, true);
  random.linear(NumberFormat::fixed_point(3, 5), 6).requantize(9, false);
  random.linear(NumberFormat::fixed_point(-2, 9), 5).requantize(15, true);
  return random.linear(NumberFormat::k_ones(1), 3).build(3);
}

/// Scalings whose addends need more than float64's 53 bits, signed and unsigned, and an Add of them. Channel
/// 0 adds small integers to 2^62, so that each of their signs shows.
Network large_addends() {
  RandomNetwork random(1, 3, 3, 11);
  random.conv(NumberFormat::ternary(), 3, {{}, 2, 2, 1, 1, 0, 0, 1, 1, 1}).requantize(8, true);
  random.conv(NumberFormat::ternary(), 3, {{}, 1, 1, 1, 1, 0, 0, 1, 1, 1})
      .requantize(8, false)
      .add(2, 8, true);
  Network network = random.linear(NumberFormat::k_ones(2), 3).build();
  for (Layer& layer : network.layers) {
    if (auto* requantize = std::get_if<Requantize>(&layer.operation)) {
      requantize->multiplier[0] = 1;
      requantize->addend[0] = int64_t{1} << 62;
      requantize->shift[0] = 62;
      requantize->multiplier[1] = -2147483647 - 1;
      requantize->shift[1] = 40;
    } else if (auto* add = std::get_if<Add>(&layer.operation)) {
      add->first_multiplier[0] = 1;
      add->second_multiplier[0] = -3;
      add->addend[0] = -(int64_t{1} << 62);
      add->shift[0] = 62;
    }
  }
  add_golden(network, random, 3);
  return network;
}

/// Input integers beyond float32's.
Network wide_input() {
  RandomNetwork random(2, 3, 2, 13);
  random.accumulator_bits(64).conv(NumberFormat::ternary(), 3, {{}, 2, 2, 1, 1, 0, 0, 1, 1, 1}).threshold();
  Network network = random.linear(NumberFormat::k_ones(1), 2).build();
  network.input.multiplier = -7340033;
  network.input.offset = 935854081;
  add_golden(network, random, 3);
  return network;
}

/// Activations that float32 does not hold, or that QONNX takes for something else.
Network odd_activations(int bits) {
  RandomNetwork random(2, 4, 4, 3);
  random.conv(NumberFormat::k_ones(1, 2), 3, {{}, 3, 3, 1, 1, 1, 1, 1, 1, 1}).requantize(bits, true);
  random.accumulator_bits(64).conv(NumberFormat::ternary(), 2, {{}, 2, 2, 2, 2, 0, 0, 1, 1, 1}).threshold();
  return random.linear(NumberFormat::binary(), 2).build(2);
}

}  // namespace

Package not_in_qonnx() {
  return {
      "kones test",
      {named("not_in_qonnx_1_bit", odd_activations(1)), named("not_in_qonnx_30_bits", odd_activations(30))}};
}

Package converter_package() {
  return {"kones test",
          {named("example", example_network(3)), named("extended", extended_network(3)),
           named("tiles", tiles()), named("windows", windows()), named("wide_sums", wide_sums()),
           named("narrow_activations", narrow_activations()), named("large_addends", large_addends()),
           named("wide_input", wide_input())}};
}

void make_names_hostile(Network& network) {
  const char* const names[] = {"../../etc/passwd",
                               "*/ int main(void) { return 0; } /*",
                               "a\"b'c`$(reboot)",
                               "int",
                               "conv 1",
                               "conv_1",
                               "CONV_1",
                               "\xff\xfe\x80",
                               "%s%n",
                               "manifest",
                               "?\?/",
                               "golden",
                               ".",
                               "back\\",
                               "2nd",
                               "trailing\\"};
  std::size_t next = 0;
  const auto name = [&] {
    const std::size_t index = next++;
    return index < std::size(names) ? names[index] : std::string(1000, 'x') + std::to_string(index);
  };
  network.name = "*/ #error \xff ../x";
  network.model = "?\?/ */";
  for (Layer& layer : network.layers) layer.name = name();
  next = 0;
  for (Tensor& tensor : network.tensors) tensor.name = name();
  for (std::string& each : network.class_names) each = "\"\xc3\x28" + each;
}

}  // namespace kones::package
