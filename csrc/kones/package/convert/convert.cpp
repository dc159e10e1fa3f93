#include "kones/package/convert/convert.h"

#include <charconv>

#include "kones/error.h"
#include "kones/package/convert/formats.h"

namespace kones::package {

const std::vector<Converter>& converters() {
  static const std::vector<Converter> all = {
      {"c", "a C99 header that computes the network, and a main.c that runs the golden vectors", true,
       convert_to_c},
      {"readmemh", "a hex file for Verilog's $readmemh for each memory", true, convert_to_readmemh},
      {"npy", "a NumPy file for each array", true, convert_to_npy},
      {"safetensors", "all arrays in one file", false, convert_to_safetensors},
      {"onnx", "ONNX with QuantizeLinear and DequantizeLinear, exact in onnxruntime", false, convert_to_onnx},
      {"qonnx", "ONNX with QONNX's IntQuant and BipolarQuant, exact in its executor", false,
       convert_to_qonnx},
  };
  return all;
}

const Converter& find_converter(const std::string& name) {
  std::string names;
  for (const Converter& converter : converters()) {
    if (converter.name == name) return converter;
    names += (names.empty() ? "" : ", ") + std::string(converter.name);
  }
  throw UsageError("there is no format \"" + name + "\"; there are " + names);
}

std::size_t choose_network(const Package& package, const std::string& choice) {
  const std::size_t count = package.networks.size();
  const std::string what = "the package holds " + std::to_string(count) + " networks";
  if (choice.empty()) {
    if (count == 1) return 0;
    throw UsageError(what + "; say which with --network, by name or by number from 0 to " +
                     std::to_string(count - 1));
  }
  for (std::size_t index = 0; index < count; ++index) {
    if (package.networks[index].name == choice) return index;
  }
  std::size_t index = 0;
  const char* end = choice.data() + choice.size();
  const auto [stop, error] = std::from_chars(choice.data(), end, index);
  if (stop == end && error == std::errc() && index < count) return index;
  throw UsageError(what + ", none of them \"" + choice + "\"; kones inspect shows their names");
}

}  // namespace kones::package
