// Files that no writer of this project makes: FlatBuffers built by hand, well-formed and wrong.
#include "kones/package/reader.h"

#include <functional>
#include <string>
#include <vector>

#include "package/random_network.h"
#include <flatbuffers/flatbuffers.h>
#include <gtest/gtest.h>

#include "kones/package/file_header.h"
#include "kones/package/kones_generated.h"

namespace kones::package {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

/// One Linear layer of 1 input and 1 output, in LightNN-1, and what a test changes about it.
struct Knobs {
  schema::FormatFamily family = schema::FormatFamily::KOnes;
  uint8_t terms = 1;
  uint8_t max_shift = 7;
  uint8_t code_bits = 4;
  uint8_t storage_bits = 4;
  int16_t fraction_bits = 7;
  uint16_t tile_outputs = 16;
  uint16_t tile_inputs = 16;
  uint32_t outputs = 1;
  uint32_t inputs = 1;
  bool has_format = true;
  bool has_weights = true;
  bool has_codes = true;
  bool has_operation = true;
  bool has_input = true;
  bool has_networks = true;
  uint8_t operation_type = 1;
  uint8_t tensor_kind = 0;
  uint32_t code_bytes = 128;
  uint32_t layers = 1;    ///< that all share the same weights
  uint32_t networks = 1;  ///< all the same
  uint32_t class_names = 0;
  std::string name = "fc";
};

std::string file_of(const Knobs& knobs) {
  FlatBufferBuilder builder;
  const auto codes = builder.CreateVector(std::vector<uint8_t>(knobs.code_bytes, 0));
  const auto format = schema::CreateNumberFormat(builder, knobs.family, knobs.terms, knobs.max_shift,
                                                 knobs.code_bits, knobs.storage_bits, knobs.fraction_bits);
  const auto weights =
      schema::CreateWeights(builder, knobs.has_format ? format : 0, knobs.outputs, knobs.inputs,
                            knobs.tile_outputs, knobs.tile_inputs, knobs.has_codes ? codes : 0);
  const auto linear = schema::CreateLinear(builder, knobs.has_weights ? weights : 0).Union();
  const auto name = builder.CreateString(knobs.name);
  std::vector<Offset<schema::Tensor>> tensors;
  const auto input_name = builder.CreateString("x");
  tensors.push_back(
      schema::CreateTensor(builder, input_name, 1, 1, 1, schema::TensorKind::Integer, 32, true, 0));
  const auto output_name = builder.CreateString("y");
  tensors.push_back(schema::CreateTensor(builder, output_name, 1, 1, 1,
                                         static_cast<schema::TensorKind>(knobs.tensor_kind), 32, true, 0));
  const auto inputs = builder.CreateVector(std::vector<uint32_t>{0});
  const auto layer =
      schema::CreateLayer(builder, name, inputs, 1, static_cast<schema::Operation>(knobs.operation_type),
                          knobs.has_operation ? linear : 0);
  const auto all_tensors = builder.CreateVector(tensors);
  const auto layers = builder.CreateVector(std::vector<Offset<schema::Layer>>(knobs.layers, layer));
  const auto input = schema::CreateInput(builder, 0, 2, -255, 255);
  const auto network_name = builder.CreateString("net");
  const auto class_names =
      builder.CreateVector(std::vector<Offset<flatbuffers::String>>(knobs.class_names, network_name));
  const auto network = schema::CreateNetwork(builder, network_name, 0, 0, 0, all_tensors,
                                             knobs.has_input ? input : 0, 1, layers, 0, class_names);
  const auto networks = builder.CreateVector(std::vector<Offset<schema::Network>>(knobs.networks, network));
  schema::FinishPackageBuffer(builder, schema::CreatePackage(builder, 0, knobs.has_networks ? networks : 0));
  const std::string payload(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
  return make_header(payload) + payload;
}

struct Case {
  const char* what;
  std::function<void(Knobs&)> change;
  const char* message;
};

// Seen to fail on: each of these checks dropped.
TEST(Reader, WellFormedNonsenseIsRefused) {
  EXPECT_EQ(parse_package(file_of({}), "memory").networks[0].layers[0].name, "fc");
  const std::vector<Case> cases = {
      {"no networks", [](Knobs& k) { k.has_networks = false; }, "it holds no network"},
      {"no input", [](Knobs& k) { k.has_input = false; }, "network 'net': it has no input"},
      {"no operation", [](Knobs& k) { k.has_operation = false; }, "layer 'fc': it has no operation"},
      {"type without operation", [](Knobs& k) { k.operation_type = 0; }, "operation 0 is not known"},
      {"newer operation", [](Knobs& k) { k.operation_type = 99; },
       "layer 'fc': its operation 99 is not known"},
      {"newer kind", [](Knobs& k) { k.tensor_kind = 9; }, "its kind 9 is not known"},
      {"no weights", [](Knobs& k) { k.has_weights = false; }, "it has no weights"},
      {"no format", [](Knobs& k) { k.has_format = false; }, "or no number format"},
      {"no codes", [](Knobs& k) { k.has_codes = false; }, "holds 0 bytes of weight codes"},
      {"newer family", [](Knobs& k) { k.family = static_cast<schema::FormatFamily>(7); },
       "of family 7, is not known"},
      {"too many terms", [](Knobs& k) { k.terms = 5; }, "is not known"},
      {"wrong code bits", [](Knobs& k) { k.code_bits = 5; }, "do not fit its number format, 1-ones"},
      {"wrong storage bits", [](Knobs& k) { k.storage_bits = 8; }, "do not fit its number format"},
      {"wrong fraction bits", [](Knobs& k) { k.fraction_bits = 6; }, "do not fit its number format"},
      {"wrong tile", [](Knobs& k) { k.tile_outputs = 32; }, "its tiles are 32 by 16"},
      {"wrong tile", [](Knobs& k) { k.tile_inputs = 0; }, "its tiles are 16 by 0"},
      {"too few codes", [](Knobs& k) { k.code_bytes = 127; }, "holds 127 bytes of weight codes"},
      {"too many codes", [](Knobs& k) { k.code_bytes = 256; }, "holds 256 bytes of weight codes"},
      {"more weights than bytes", [](Knobs& k) { k.outputs = k.inputs = 32768; }, "take 536870912"},
      {"too many weights", [](Knobs& k) { k.outputs = k.inputs = 65536; }, "more than 1073741824 weights"},
      {"overflowing sizes", [](Knobs& k) { k.outputs = k.inputs = UINT32_MAX; },
       "more than 1073741824 weights"},
      // Small files that took long: 2^32 turns of a loop, unless the compiler saw through it, and 2^36
      // strings, a minute and more.
      {"no inputs of many outputs", [](Knobs& k) { k.outputs = UINT32_MAX, k.inputs = k.code_bytes = 0; },
       "its weights have 0 inputs"},
      {"no outputs of many inputs", [](Knobs& k) { k.inputs = UINT32_MAX, k.outputs = k.code_bytes = 0; },
       "its weights have 4294967295 inputs"},
      {"names shared by many networks", [](Knobs& k) { k.networks = k.class_names = 1 << 18; },
       "262144 networks, more than 1024"},
      {"names shared by networks", [](Knobs& k) { k.networks = 1000, k.class_names = 1 << 20; },
       "1048576 class names, more than 65536"},
      {"weights shared by layers", [](Knobs& k) { k.layers = 1000; }, "its parts overlap"},
      {"too many layers", [](Knobs& k) { k.layers = 65537; }, "65537 layers, more than 65536"},
      {"too many networks", [](Knobs& k) { k.networks = 1025; }, "1025 networks, more than 1024"},
      {"a name of two lines", [](Knobs& k) { k.name = "a\nb"; }, "holds the control character 10"},
      {"a name of two lines in another error", [](Knobs& k) { k.name = "a\nb", k.terms = 9; },
       "layer 0: its number"},
  };
  for (const Case& one : cases) {
    Knobs knobs;
    one.change(knobs);
    const std::string file = file_of(knobs);
    const std::string message = error_of([&] { parse_package(file, "bad.kones"); });
    EXPECT_NE(message.find("bad.kones is no valid package: "), std::string::npos)
        << one.what << ": " << message;
    EXPECT_NE(message.find(one.message), std::string::npos) << one.what << ": " << message;
  }
}

/// A Requantize whose addend is an array of 64-bit integers at an address that `words` words before it
/// decide.
std::string file_with_addend_after(uint32_t words) {
  FlatBufferBuilder builder;
  const auto shift = builder.CreateVector(std::vector<uint8_t>{0});
  const auto multiplier = builder.CreateVector(std::vector<int32_t>{1});
  builder.StartVector(2, sizeof(uint32_t));
  builder.PushElement(uint32_t{0});
  builder.PushElement(uint32_t{0});
  const Offset<flatbuffers::Vector<int64_t>> addend(builder.EndVector(1));
  // What is made later stands before what is made earlier.
  builder.CreateVector(std::vector<uint32_t>(words, 0));
  const auto operation = schema::CreateRequantize(builder, multiplier, addend, shift).Union();
  const auto name = builder.CreateString("x");
  const auto input_tensor =
      schema::CreateTensor(builder, name, 1, 1, 1, schema::TensorKind::Integer, 32, true, 0);
  const auto output_name = builder.CreateString("y");
  const auto output_tensor =
      schema::CreateTensor(builder, output_name, 1, 1, 1, schema::TensorKind::FixedPoint, 8, true, 0);
  const auto tensors = builder.CreateVector(std::vector<Offset<schema::Tensor>>{input_tensor, output_tensor});
  const auto inputs = builder.CreateVector(std::vector<uint32_t>{0});
  const auto layer = schema::CreateLayer(builder, name, inputs, 1, schema::Operation::Requantize, operation);
  const auto layers = builder.CreateVector(std::vector<Offset<schema::Layer>>{layer});
  const auto input = schema::CreateInput(builder, 0, 2, -255, 255);
  const auto network = schema::CreateNetwork(builder, name, 0, 0, 0, tensors, input, 1, layers);
  const auto networks = builder.CreateVector(std::vector<Offset<schema::Network>>{network});
  schema::FinishPackageBuffer(builder, schema::CreatePackage(builder, 0, networks));
  const std::string payload(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
  return make_header(payload) + payload;
}

// FlatBuffers' verifier takes both. Seen to fail on: the check of the alignment dropped.
TEST(Reader, MisalignedIntegersAreRefused) {
  int refused = 0;
  for (const uint32_t words : {0, 1}) {
    try {
      parse_package(file_with_addend_after(words), "memory");
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("of 8 bytes that are not aligned"), std::string::npos)
          << error.what();
      ++refused;
    }
  }
  EXPECT_EQ(refused, 1);
}

/// x, of one integer, and y = sign(x - 5) of its accumulators a, which have `bits`; thresholds and golden
/// integers are stored where the flags say.
std::string file_of_widths(uint8_t bits, bool narrow_threshold, bool wide_threshold, bool narrow_values,
                           bool wide_values) {
  FlatBufferBuilder builder;
  const auto format = schema::CreateNumberFormat(builder, schema::FormatFamily::KOnes, 1, 7, 4, 4, 7);
  const auto codes = builder.CreateVector(std::vector<uint8_t>(128, 0));
  const auto linear =
      schema::CreateLinear(builder, schema::CreateWeights(builder, format, 1, 1, 16, 16, codes)).Union();
  const std::vector<int32_t> narrow{5};
  const std::vector<int64_t> wide{5};
  const auto threshold = schema::CreateThreshold(builder, narrow_threshold ? builder.CreateVector(narrow) : 0,
                                                 builder.CreateVector(std::vector<uint8_t>{1}),
                                                 wide_threshold ? builder.CreateVector(wide) : 0)
                             .Union();
  const auto name = [&](const char* text) { return builder.CreateString(text); };
  using schema::TensorKind;
  const std::vector<Offset<schema::Tensor>> tensors{
      schema::CreateTensor(builder, name("x"), 1, 1, 1, TensorKind::Integer, 32, true),
      schema::CreateTensor(builder, name("a"), 1, 1, 1, TensorKind::Integer, bits, true),
      schema::CreateTensor(builder, name("y"), 1, 1, 1, TensorKind::Sign, 1, true)};
  const auto inputs = [&](uint32_t index) { return builder.CreateVector(std::vector<uint32_t>{index}); };
  const std::vector<Offset<schema::Layer>> layers{
      schema::CreateLayer(builder, name("fc"), inputs(0), 1, schema::Operation::Linear, linear),
      schema::CreateLayer(builder, name("sign"), inputs(1), 2, schema::Operation::Threshold, threshold)};
  const auto values = [&](int32_t value, bool in_narrow, bool in_wide) {
    return schema::CreateTensorValues(builder,
                                      in_narrow ? builder.CreateVector(std::vector<int32_t>{value}) : 0,
                                      in_wide ? builder.CreateVector(std::vector<int64_t>{value}) : 0);
  };
  const std::vector<Offset<schema::TensorValues>> integers{
      values(1, true, false), values(128, narrow_values, wide_values), values(1, true, false)};
  const std::vector<Offset<schema::GoldenVector>> golden{schema::CreateGoldenVector(
      builder, builder.CreateVector(std::vector<uint8_t>{128}), 0, builder.CreateVector(integers))};
  const auto input = schema::CreateInput(builder, 0, 2, -255, 255);
  const std::vector<Offset<schema::Network>> networks{
      schema::CreateNetwork(builder, name("net"), 0, 0, 0, builder.CreateVector(tensors), input, 2,
                            builder.CreateVector(layers), builder.CreateVector(golden))};
  schema::FinishPackageBuffer(builder, schema::CreatePackage(builder, 0, builder.CreateVector(networks)));
  const std::string payload(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
  return make_header(payload) + payload;
}

// Integers are in the vector of their tensor's width and nowhere else. Seen to fail on: either width taken
// for any tensor.
TEST(Reader, IntegersAreStoredInTheWidthOfTheirTensor) {
  EXPECT_EQ(parse_package(file_of_widths(32, true, false, true, false), "memory").networks.size(), 1u);
  EXPECT_EQ(parse_package(file_of_widths(64, false, true, false, true), "memory").networks.size(), 1u);
  const auto refusal = [](uint8_t bits, bool narrow_threshold, bool wide_threshold, bool narrow_values,
                          bool wide_values) {
    const std::string file =
        file_of_widths(bits, narrow_threshold, wide_threshold, narrow_values, wide_values);
    return error_of([&] { parse_package(file, "bad.kones"); });
  };
  const std::string in_64 = "it has integers in 64 bits, and its tensor's are stored in 32";
  const std::string in_32 = "it has integers in 32 bits, and its tensor's are stored in 64";
  const std::string of_layer = "bad.kones is no valid package: network 'net': layer 'sign': ";
  const std::string of_golden = "bad.kones is no valid package: network 'net': ";
  EXPECT_EQ(refusal(32, false, true, true, false), of_layer + in_64);
  EXPECT_EQ(refusal(32, true, true, true, false), of_layer + in_64);
  EXPECT_EQ(refusal(32, true, false, false, true), of_golden + in_64);
  EXPECT_EQ(refusal(32, true, false, true, true), of_golden + in_64);
  EXPECT_EQ(refusal(64, true, false, false, true), of_layer + in_32);
  EXPECT_EQ(refusal(64, true, true, false, true), of_layer + in_32);
  EXPECT_EQ(refusal(64, false, true, true, false), of_golden + in_32);
  EXPECT_EQ(refusal(64, false, true, true, true), of_golden + in_32);
  EXPECT_NE(refusal(64, false, false, false, true).find("it has 0 thresholds"), std::string::npos);
  EXPECT_NE(refusal(64, false, true, false, false).find("it has 0 integers"), std::string::npos);
}

}  // namespace
}  // namespace kones::package
