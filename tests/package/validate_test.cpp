// Every check of validate(), by a network that is valid but for one thing.
#include "kones/package/validate.h"

#include <functional>
#include <string>
#include <vector>

#include "package/random_network.h"
#include <gtest/gtest.h>

namespace kones::package {
namespace {

/// example_network(1): Conv2d1, MaxPool2d2, Requantize3, Linear4, Threshold5, Linear6; tensor i + 1 is layer
/// i's output.
struct Case {
  const char* message;
  std::function<void(Network&)> change;
};

template <typename Of>
Of& layer(Network& network, int index) {
  return std::get<Of>(network.layers[index].operation);
}

void expect_refusals(const std::vector<Case>& cases, const Network& valid = example_network(1)) {
  for (const Case& one : cases) {
    Network network = valid;
    one.change(network);
    const std::string message = error_of([&] { validate(network); });
    EXPECT_NE(message.find(one.message), std::string::npos)
        << "expected: " << one.message << "\ngot: " << message;
  }
}

TEST(Validate, TheExampleIsValid) {
  EXPECT_NO_THROW(validate(example_network(1)));
}

TEST(Validate, Names) {
  expect_refusals({
      {"a network: its name holds the control character 10", [](Network& n) { n.name = "a\nb"; }},
      {"network 'random': its model holds the control character 127", [](Network& n) { n.model = "\x7f"; }},
      {"its method holds", [](Network& n) { n.method = "\x1b[0m"; }},
      {"its method holds the control character 155", [](Network& n) { n.method = "\xc2\x9b"; }},
      {"its data set has 1025 bytes", [](Network& n) { n.dataset = std::string(1025, 'x'); }},
      {"a class name holds the control character 0",
       [](Network& n) { n.class_names[1] = std::string(1, '\0'); }},
      {"layer 1: it has no name", [](Network& n) { n.layers[1].name.clear(); }},
      {"layer 3: its name 'Conv2d1' is taken", [](Network& n) { n.layers[3].name = "Conv2d1"; }},
      {"tensor 2: its name 'input' is taken", [](Network& n) { n.tensors[2].name = "input"; }},
      {"layers, more than 65536", [](Network& n) { n.layers.resize(65537, n.layers[1]); }},
      {"tensors, more than 65536", [](Network& n) { n.tensors.resize(65537); }},
      {"golden vectors, more than 65536", [](Network& n) { n.golden.resize(65537); }},
      {"it has no layers", [](Network& n) { n.layers.clear(); }},
      {"it names 1 classes, and its output tensor has 2", [](Network& n) { n.class_names.pop_back(); }},
  });
}

TEST(Validate, Tensors) {
  expect_refusals({
      {"tensor 'input': its shape is 0x5x4", [](Network& n) { n.tensors[0].channels = 0; }},
      {"its shape is 1x65537x4", [](Network& n) { n.tensors[0].height = 65537; }},
      {"its shape is 1x5x0", [](Network& n) { n.tensors[0].width = 0; }},
      {"more than 268435456 elements", [](Network& n) { n.tensors[0].height = n.tensors[0].width = 16385; }},
      {"more than 268435456 elements",
       [](Network& n) {
         for (int i = 0; i < 3; ++i) n.tensors[i].height = n.tensors[i].width = 8192;
       }},
      {"an integer tensor has 32 or 64 signed bits", [](Network& n) { n.tensors[0].bits = 31; }},
      {"an integer tensor has 32 or 64 signed bits", [](Network& n) { n.tensors[1].is_signed = false; }},
      {"an integer tensor has 32 or 64 signed bits", [](Network& n) { n.tensors[1].fraction_bits = 1; }},
      {"it has 0 bits", [](Network& n) { n.tensors[3].bits = 0; }},
      {"it has 32 bits", [](Network& n) { n.tensors[3].bits = 32; }},
      {"it has 33 bits", [](Network& n) { n.tensors[3].bits = 33, n.tensors[3].is_signed = true; }},
      {"it has -127 fraction bits", [](Network& n) { n.tensors[3].fraction_bits = -127; }},
      {"it has 127 fraction bits", [](Network& n) { n.tensors[3].fraction_bits = 127; }},
      {"a sign tensor has 1 signed bit", [](Network& n) { n.tensors[5].bits = 2; }},
      {"a sign tensor has 1 signed bit", [](Network& n) { n.tensors[5].is_signed = false; }},
      {"its kind 3 is not known", [](Network& n) { n.tensors[5].kind = static_cast<TensorKind>(3); }},
  });
}

TEST(Validate, Graph) {
  expect_refusals({
      {"its input is tensor 7, and there are 7", [](Network& n) { n.input.tensor = 7; }},
      {"its input tensor 'out of Requantize3' must be of integers", [](Network& n) { n.input.tensor = 3; }},
      {"its input's divisor is 0", [](Network& n) { n.input.divisor = 0; }},
      {"beyond 32 bits", [](Network& n) { n.input.multiplier = INT32_MAX; }},
      {"beyond 32 bits", [](Network& n) { n.input.offset = INT32_MIN; }},
      {"its output is tensor 7, and there are 7", [](Network& n) { n.output = 7; }},
      {"its output tensor 'input' is its input",
       [](Network& n) {
         n.output = 0;
         n.tensors[0].height = n.tensors[0].width = 1;
         n.layers.assign(1, {"fc", {0}, 1, Linear{{NumberFormat::binary(), 2, 1, {1, 1}}}});
         n.tensors.resize(2);
         n.tensors[1] = Tensor::integer("y", 2);
       }},
      {"its output tensor 'out of Requantize3' is 2x3x2, and it is one pixel",
       [](Network& n) { n.output = 3; }},
      {"no layer writes tensor 'spare'",
       [](Network& n) { n.tensors.push_back(Tensor::integer("spare", 1)); }},
      {"layer 'Linear6': its input is tensor 7", [](Network& n) { n.layers[5].inputs = {7}; }},
      {"layer 'Linear6': its output is tensor 7", [](Network& n) { n.layers[5].output = 7; }},
      {"Linear reads one tensor, and it names 2",
       [](Network& n) {
         n.layers[5].inputs = {5, 5};
       }},
      {"Linear reads one tensor, and it names 0", [](Network& n) { n.layers[5].inputs = {}; }},
      {"it reads tensor 'out of MaxPool2d2', which no earlier layer writes",
       [](Network& n) { std::swap(n.layers[1], n.layers[2]); }},
      {"it reads tensor 'out of Linear6', which no earlier layer writes",
       [](Network& n) { n.layers[5].inputs = {6}; }},
      {"it writes tensor 'out of Threshold5', which is written already",
       [](Network& n) { n.layers[5].output = 5; }},
      {"it writes tensor 'input', which is written already", [](Network& n) { n.layers[0].output = 0; }},
  });
}

TEST(Validate, Weights) {
  expect_refusals({
      {"its weights have no number format", [](Network& n) { layer<Linear>(n, 3).weights.format.terms = 0; }},
      {"its weights have 13 inputs, and its geometry asks for 12",
       [](Network& n) { layer<Linear>(n, 3).weights.inputs = 13; }},
      {"its weights have 4 outputs, and its output tensor has 3",
       [](Network& n) { layer<Linear>(n, 3).weights.outputs = 4; }},
      {"it has 35 weights, and 3 x 12", [](Network& n) { layer<Linear>(n, 3).weights.levels.pop_back(); }},
      {"its weight at output 1, input 0 is 0, no level of 2-ones",
       [](Network& n) { layer<Linear>(n, 3).weights.levels[12] = 0; }},
      {"is 1, no level of 2-ones", [](Network& n) { layer<Linear>(n, 3).weights.levels[0] = 1; }},
      {"is 257, no level of 2-ones", [](Network& n) { layer<Linear>(n, 3).weights.levels[0] = 257; }},
      {"is -257, no level of 2-ones", [](Network& n) { layer<Linear>(n, 3).weights.levels[0] = -257; }},
      {"it reads the accumulators 'out of MaxPool2d2'", [](Network& n) { n.layers[3].inputs = {2}; }},
      {"its output tensor 'out of Linear4' must be of integers",
       [](Network& n) { n.tensors[4].kind = TensorKind::fixed_point; }},
      {"its output tensor 'out of Linear4' is 3x1x2, and it computes 3x1x1",
       [](Network& n) { n.tensors[4].width = 2; }},
  });
}

// Seen to fail on: each bound of check_window moved by one, groups of the outputs unchecked.
TEST(Validate, Convolutions) {
  expect_refusals({
      {"its kernel is 0x2", [](Network& n) { layer<Conv2d>(n, 0).kernel_height = 0; }},
      {"its kernel is 3x256", [](Network& n) { layer<Conv2d>(n, 0).kernel_width = 256; }},
      {"its stride is 0x1", [](Network& n) { layer<Conv2d>(n, 0).stride_height = 0; }},
      {"its stride is 1x256", [](Network& n) { layer<Conv2d>(n, 0).stride_width = 256; }},
      {"its padding is 256x0", [](Network& n) { layer<Conv2d>(n, 0).padding_height = 256; }},
      {"its padding is 1x4294967295", [](Network& n) { layer<Conv2d>(n, 0).padding_width = UINT32_MAX; }},
      {"its dilation is 1x0", [](Network& n) { layer<Conv2d>(n, 0).dilation_width = 0; }},
      {"its dilation is 256x1", [](Network& n) { layer<Conv2d>(n, 0).dilation_height = 256; }},
      {"its 0 groups do not divide", [](Network& n) { layer<Conv2d>(n, 0).groups = 0; }},
      {"its 2 groups do not divide its 1 input", [](Network& n) { layer<Conv2d>(n, 0).groups = 2; }},
      {"its 2 groups do not divide its 4 input and 3 output",
       [](Network& n) {
         layer<Conv2d>(n, 0).groups = 2;
         n.tensors[0].channels = 4;
         n.tensors[1].channels = 3;
       }},
      {"its output tensor 'out of Conv2d1' is 2x5x3, and it computes 2x5x2",
       [](Network& n) { layer<Conv2d>(n, 0).dilation_width = 2; }},
      {"and it computes 2x3x3", [](Network& n) { layer<Conv2d>(n, 0).padding_height = 0; }},
      {"and it computes 2x5x0", [](Network& n) { layer<Conv2d>(n, 0).dilation_width = 9; }},
      {"its weights have 6 inputs, and its geometry asks for 12",
       [](Network& n) { n.tensors[0].channels = 2; }},
  });
}

TEST(Validate, Pooling) {
  expect_refusals({
      {"its kernel is 0x2", [](Network& n) { layer<MaxPool2d>(n, 1).kernel_height = 0; }},
      {"its stride is 2x0", [](Network& n) { layer<MaxPool2d>(n, 1).stride_width = 0; }},
      {"its padding is 256x0", [](Network& n) { layer<MaxPool2d>(n, 1).padding_height = 256; }},
      {"its padding is more than half of its kernel",
       [](Network& n) { layer<MaxPool2d>(n, 1).padding_width = 2; }},
      {"its padding is more than half of its kernel",
       [](Network& n) { layer<MaxPool2d>(n, 1).padding_height = 2; }},
      {"is 2x3x2, and it computes 2x2x1", [](Network& n) { layer<MaxPool2d>(n, 1).ceil_mode = false; }},
      {"is 3x3x2, and it computes 2x3x2", [](Network& n) { n.tensors[2].channels = 3; }},
      {"must have the kind and bits of its input",
       [](Network& n) {
         n.tensors[2].kind = TensorKind::fixed_point;
         n.tensors[2].bits = 31;
       }},
  });
}

// Seen to fail on: the shift's bound dropped, the addend's lower bound dropped, the sum's bound dropped.
TEST(Validate, Requantization) {
  expect_refusals({
      {"its output tensor 'out of Requantize3' is 2x3x1, and it computes 2x3x2",
       [](Network& n) { n.tensors[3].width = 1; }},
      {"must be fixed point", [](Network& n) { n.tensors[3] = Tensor::integer("y", 2, 3, 2); }},
      {"it has 1 multipliers for 2 channels",
       [](Network& n) { layer<Requantize>(n, 2).multiplier.pop_back(); }},
      {"it has 3 addends for 2 channels", [](Network& n) { layer<Requantize>(n, 2).addend.push_back(0); }},
      {"it has 0 shifts for 2 channels", [](Network& n) { layer<Requantize>(n, 2).shift.clear(); }},
      {"the shift of channel 1 is 63", [](Network& n) { layer<Requantize>(n, 2).shift[1] = 63; }},
      {"the addend of channel 0 is 4611686018427387905, beyond 2^62",
       [](Network& n) { layer<Requantize>(n, 2).addend[0] = (int64_t{1} << 62) + 1; }},
      {"the addend of channel 0 is -9223372036854775808",
       [](Network& n) { layer<Requantize>(n, 2).addend[0] = INT64_MIN; }},
      {"the product and addend of channel 0 can leave 64 bits",
       [](Network& n) {
         // An activation of -2^31 times -2^31, plus 2^62.
         n.tensors[3] = Tensor::fixed_point("wide", 2, 3, 2, 32, true, 0);
         n.layers[3] = {"again", {3}, 4, layer<Requantize>(n, 2)};
         n.tensors[4] = Tensor::fixed_point("narrow", 2, 3, 2, 8, true, 0);
         layer<Requantize>(n, 3).multiplier[0] = INT32_MIN;
         layer<Requantize>(n, 3).addend[0] = int64_t{1} << 62;
       }},
  });
}

TEST(Validate, Thresholds) {
  expect_refusals({
      {"must be signs", [](Network& n) { n.tensors[5] = Tensor::integer("y", 3); }},
      {"is 4x1x1, and it computes 3x1x1", [](Network& n) { n.tensors[5].channels = 4; }},
      {"it has 2 thresholds for 3 channels", [](Network& n) { layer<Threshold>(n, 4).threshold.pop_back(); }},
      {"it has 2 directions for 3 channels", [](Network& n) { layer<Threshold>(n, 4).rising.pop_back(); }},
      {"a threshold is 2147483648, beyond the bits of its input tensor 'out of Linear4'",
       [](Network& n) { layer<Threshold>(n, 4).threshold[0] = int64_t{1} << 31; }},
      {"a threshold's direction is 2", [](Network& n) { layer<Threshold>(n, 4).rising[1] = 2; }},
  });
}

// Seen to fail on: the multiple unchecked.
TEST(Validate, WhatFormat11Added) {
  expect_refusals(
      {
          {"its input tensor 'input' must be of integers of 32 bits",
           [](Network& n) { n.tensors[0].bits = 64; }},
          {"is 65, no level of powers of two",
           [](Network& n) { layer<Conv2d>(n, 0).weights.levels[3] = 65; }},
          {"is 3, no level of powers of two", [](Network& n) { layer<Conv2d>(n, 0).weights.levels[3] = 3; }},
          {"is -9, no level of signed fixed point",
           [](Network& n) { layer<Conv2d>(n, 4).weights.levels[3] = -9; }},
          {"is 8, no level of signed fixed point",
           [](Network& n) { layer<Conv2d>(n, 4).weights.levels[3] = 8; }},
          {"is 2, no level of ternary", [](Network& n) { layer<Linear>(n, 8).weights.levels[0] = 2; }},
          {"no number format that kones can store",
           [](Network& n) { layer<Linear>(n, 6).weights.format = NumberFormat::power_of_two(-31, 3); }},
          {"its multiple is 11, and that of its windows' pixel counts is 12",
           [](Network& n) { layer<AvgPool2d>(n, 2).multiple = 11; }},
          {"its padding is more than half", [](Network& n) { layer<AvgPool2d>(n, 2).padding_height = 2; }},
          {"must be of integers",
           [](Network& n) { n.tensors[3] = Tensor::fixed_point("y", 4, 3, 3, 8, false, 0); }},
          {"Add reads two, and it names 1", [](Network& n) { n.layers[5].inputs.pop_back(); }},
          {"it adds 'out of Requantize4', 4x3x3, and 'out of Conv2d1', 4x5x6",
           [](Network& n) {
             n.layers[5].inputs = {4, 1};
           }},
          {"it has 3 second multipliers for 4",
           [](Network& n) { layer<Add>(n, 5).second_multiplier.pop_back(); }},
          {"it has 3 first multipliers for 4",
           [](Network& n) { layer<Add>(n, 5).first_multiplier.pop_back(); }},
          {"it has 3 addends for 4", [](Network& n) { layer<Add>(n, 5).addend.pop_back(); }},
          {"it has 3 shifts for 4", [](Network& n) { layer<Add>(n, 5).shift.pop_back(); }},
          {"the shift of channel 3 is 63", [](Network& n) { layer<Add>(n, 5).shift[3] = 63; }},
          {"must be fixed point", [](Network& n) { n.tensors[6] = Tensor::integer("y", 4, 3, 3); }},
          {"beyond the 2147483647 of an accumulator of 32 bits", [](Network& n) { n.tensors[7].bits = 32; }},
      },
      extended_network(0));
}

// Windows with every count from 1 to 255, whose least common multiple is astronomical.
TEST(Validate, PoolingMultiplesAreBounded) {
  Network network;
  network.tensors = {Tensor::integer("x", 1, 1, 300), Tensor::integer("y", 1, 1, 300)};
  network.output = 1;
  network.layers.push_back({"pool", {0}, 1, AvgPool2d{1, 255, 1, 1, 0, 127, false, 1}});
  EXPECT_NE(error_of([&] { validate(network); }).find("beyond 65536"), std::string::npos);
}

// Six times 255 * 1403584 is 2^31 - 128. Seen to fail on: the sums compared without their multiple.
TEST(Validate, AveragesCannotOverflow) {
  Network network = RandomNetwork(1, 2, 3, 4).avg_pool({2, 3, 1, 1, 0, 0, false, 0}).build();
  network.input = {0, 1403584, 0, 1};
  EXPECT_EQ(validate(network)[1].maximum, int64_t{INT32_MAX} - 127);
  network.input.multiplier = 1403585;
  EXPECT_NE(error_of([&] { validate(network); }).find("its sums can reach"), std::string::npos);
  network.tensors[1].bits = 64;
  EXPECT_EQ(validate(network)[1].maximum, int64_t{6} * 255 * 1403585);
}

// 2^53 - 1 is the most of a 64-bit accumulator.
TEST(Validate, WideAccumulatorsCannotOverflow) {
  const NumberFormat format = NumberFormat::power_of_two(0, 30);
  Network network;
  network.tensors = {Tensor::integer("x", 1), Tensor::integer("y", 1, 1, 1, 64)};
  network.input = {0, 1 << 15, 0, 1};
  network.output = 1;
  network.layers.push_back({"fc", {0}, 1, Linear{{format, 1, 1, {1 << 30}}}});
  EXPECT_EQ(validate(network)[1].maximum, int64_t{255} << 45);
  network.input.multiplier = 1 << 16;
  EXPECT_NE(error_of([&] { validate(network); }).find("beyond the 9007199254740991 of an accumulator of 64"),
            std::string::npos);
}

TEST(Validate, GoldenVectors) {
  expect_refusals({
      {"golden vector 0: it has 19 bytes, and the input takes 20",
       [](Network& n) { n.golden[0].input.pop_back(); }},
      {"its label -2 is no class", [](Network& n) { n.golden[0].label = -2; }},
      {"its label 2 is no class", [](Network& n) { n.golden[0].label = 2; }},
      {"it has the integers of 6 tensors", [](Network& n) { n.golden[0].tensors.pop_back(); }},
      {"tensor 'out of Conv2d1': it has 31 integers for 2x5x3",
       [](Network& n) { n.golden[0].tensors[1].resize(31); }},
      {"tensor 'input': it cannot hold", [](Network& n) { n.golden[0].input[3] ^= 1; }},
      {"tensor 'out of Requantize3': it cannot hold 256",
       [](Network& n) { n.golden[0].tensors[3][0] = 256; }},
      {"tensor 'out of Requantize3': it cannot hold -1", [](Network& n) { n.golden[0].tensors[3][0] = -1; }},
      {"tensor 'out of Threshold5': it cannot hold 0", [](Network& n) { n.golden[0].tensors[5][0] = 0; }},
      {"tensor 'out of Linear6': it cannot hold 4", [](Network& n) { n.golden[0].tensors[6][0] = 4; }},
  });
}

TEST(Validate, Packages) {
  Package package = example_package();
  package.networks.clear();
  EXPECT_NE(error_of([&] { validate(package); }).find("it holds no network"), std::string::npos);
  package.networks.resize(1025);
  EXPECT_NE(error_of([&] { validate(package); }).find("1025 networks"), std::string::npos);
  package = example_package();
  package.producer = "\n";
  EXPECT_NE(error_of([&] { validate(package); }).find("its producer holds"), std::string::npos);
  // The reader's limit: without a check of it the writer made files that the reader refused.
  package = example_package();
  package.networks[0].golden[0].tensors.resize(1 << 22);
  EXPECT_NE(error_of([&] { validate(package); }).find("more than 4194304"), std::string::npos);
}

/// One Linear layer whose `inputs` weights are all the format's largest, on the data set's bytes.
Network sum_of(uint32_t inputs, const NumberFormat& format, int32_t multiplier, int32_t offset) {
  Network network;
  network.tensors = {Tensor::integer("x", inputs), Tensor::integer("y", 1)};
  network.input = {0, multiplier, offset, 1};
  network.output = 1;
  network.layers.push_back(
      {"fc", {0}, 1, Linear{{format, 1, inputs, std::vector<int32_t>(inputs, -format.max_level())}}});
  return network;
}

// 65535 * 32768 = 2^31 - 2^15 fits, 65536 * 32768 = 2^31 does not. Seen to fail on: the bound of 2^31 itself
// allowed, only the input's largest integer looked at (the second case's is 0).
TEST(Validate, AccumulatorsCannotOverflow) {
  EXPECT_EQ(validate(sum_of(65535, NumberFormat::k_ones(1, 15), 0, 1))[1].maximum, int64_t{65535} * 32768);
  for (const int32_t offset : {1, -1}) {
    const Network network = sum_of(65536, NumberFormat::k_ones(1, 15), 0, offset);
    const std::string message = error_of([&] { validate(network); });
    EXPECT_NE(message.find("layer 'fc': its output 0 can reach 2147483648 * 1, beyond the 2147483647"),
              std::string::npos)
        << message;
  }
  EXPECT_EQ(validate(sum_of(3, NumberFormat::k_ones(4, 15), 2, -255))[1].minimum, -3 * 255 * int64_t{131072});
}

TEST(Validate, RangesFollowTheTensors) {
  const std::vector<IntegerRange> ranges = validate(example_network());
  EXPECT_EQ(ranges[0].minimum, -255);
  EXPECT_EQ(ranges[0].maximum, 255);
  EXPECT_EQ(ranges[1].maximum % 255, 0);
  EXPECT_EQ(ranges[2].minimum, ranges[1].minimum);
  EXPECT_EQ(ranges[3].minimum, 0);
  EXPECT_EQ(ranges[3].maximum, 255);
  EXPECT_EQ(ranges[5].minimum, -1);
  EXPECT_EQ(ranges[6].maximum, 3);
}

}  // namespace
}  // namespace kones::package
