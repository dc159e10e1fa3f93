// Hex files for Verilog's $readmemh (IEEE 1364-2005, 17.2.9): one word a line, the most significant digit
// first.
#include <algorithm>
#include <variant>

#include <nlohmann/json.hpp>

#include "kones/package/convert/arrays.h"
#include "kones/package/convert/formats.h"
#include "kones/package/convert/manifest.h"
#include "kones/package/tiles.h"

namespace kones::package {
namespace {

/// Writes memories and lists them.
class MemoryFolder {
 public:
  MemoryFolder(const ConvertRequest& request, const NetworkNames& names)
      : request_(request), network_(request.source()), names_(names), folder_(request.out) {}

  Written run() {
    for (std::size_t index = 0; index < network_.layers.size(); ++index) {
      prefix_ = names_.layers[index] + ".";
      std::visit([&](const auto& operation) { write(operation); }, network_.layers[index].operation);
    }
    prefix_ = "golden.";
    if (!network_.golden.empty()) write_golden();
    folder_.write("manifest.json", manifest("kones readmemh 1", *request_.package, network_, names_,
                                            nlohmann::ordered_json{{"memories", memories_}}.dump()));
    folder_.commit();
    return folder_.files();
  }

 private:
  static constexpr const char* twos_complement = "two's complement";
  static constexpr const char* is_unsigned = "unsigned";

  void list(const std::string& name, std::size_t width, std::size_t depth, const char* sign,
            const std::string& order) {
    memories_.push_back(
        {{"file", name}, {"width", width}, {"depth", depth}, {"sign", sign}, {"order", order}});
  }

  /// A memory of one integer a word; the word is its lowest `width` bits.
  template <typename Integers>
  void write_integers(const std::string& what, int width, const char* sign, const Integers& integers,
                      const std::string& order) {
    const int digits = (width + 3) / 4;
    std::string text;
    text.reserve(integers.size() * (digits + 1));
    for (const auto integer : integers) {
      auto bits = static_cast<uint64_t>(static_cast<int64_t>(integer));
      if (width < 64) bits &= (uint64_t{1} << width) - 1;
      for (int digit = digits - 1; digit >= 0; --digit) text += "0123456789abcdef"[bits >> (4 * digit) & 15];
      text += '\n';
    }
    const std::string name = prefix_ + what + ".hex";
    folder_.write(name, text);
    list(name, width, integers.size(), sign, order);
  }

  /// A memory of one row of a tile a word: the codes of 16 inputs of one output, input 0 in the lowest bits.
  void write_codes(const Weights& weights) {
    const std::string codes = pack_levels(weights);
    const int storage_bits = weights.format.storage_bits();
    const std::size_t row_bytes = tile_inputs * storage_bits / 8;
    std::string text;
    text.reserve(codes.size() * 2 + codes.size() / row_bytes);
    for (std::size_t row = 0; row < codes.size(); row += row_bytes) {
      for (std::size_t byte = row_bytes; byte-- > 0;) {
        const auto value = static_cast<uint8_t>(codes[row + byte]);
        text += "0123456789abcdef"[value >> 4];
        text += "0123456789abcdef"[value & 15];
      }
      text += '\n';
    }
    const std::string name = prefix_ + "codes.hex";
    folder_.write(name, text);
    list(name, row_bytes * 8, codes.size() / row_bytes, "codes of the layer's number format",
         "[output tile][input tile][16 outputs]; a word is the codes of 16 inputs, each in " +
             std::to_string(storage_bits) +
             " bits, the first input in the lowest; codes beyond the matrix "
             "are 0, which may be a level: mask them");
  }

  void write(const Linear& linear) { write_codes(linear.weights); }
  void write(const Conv2d& conv) { write_codes(conv.weights); }
  void write(const MaxPool2d&) {}
  void write(const AvgPool2d&) {}

  void write(const Requantize& requantize) {
    write_integers("multiplier", 32, twos_complement, requantize.multiplier, "[channels]");
    write_integers("addend", 64, twos_complement, requantize.addend, "[channels]");
    write_integers("shift", 6, is_unsigned, requantize.shift, "[channels]");
  }

  void write(const Add& add) {
    write_integers("first_multiplier", 32, twos_complement, add.first_multiplier, "[channels]");
    write_integers("second_multiplier", 32, twos_complement, add.second_multiplier, "[channels]");
    write_integers("addend", 64, twos_complement, add.addend, "[channels]");
    write_integers("shift", 6, is_unsigned, add.shift, "[channels]");
  }

  void write(const Threshold& threshold) {
    const auto [least, most] = std::minmax_element(threshold.threshold.begin(), threshold.threshold.end());
    const int width = size_of(smallest_type(*least, *most)) <= 4 ? 32 : 64;
    write_integers("threshold", width, twos_complement, threshold.threshold, "[channels]");
    write_integers("rising", 1, "1: +1 at or above the threshold; 0: at or below", threshold.rising,
                   "[channels]");
  }

  void write_golden() {
    const std::string order = "[vectors][channels][height][width]";
    std::vector<uint8_t> pictures;
    for (const GoldenVector& golden : network_.golden)
      pictures.insert(pictures.end(), golden.input.begin(), golden.input.end());
    write_integers("pictures", 8, is_unsigned, pictures, order);
    for (std::size_t index = 0; index < network_.tensors.size(); ++index) {
      const Tensor& tensor = network_.tensors[index];
      const bool is_sign = tensor.kind == TensorKind::sign;
      std::vector<int64_t> integers;
      for (const GoldenVector& golden : network_.golden) {
        for (const int64_t integer : golden.tensors[index])
          integers.push_back(is_sign ? static_cast<int64_t>(integer < 0) : integer);
      }
      const char* const sign = is_sign            ? "1 is -1, 0 is +1"
                               : tensor.is_signed ? twos_complement
                                                  : is_unsigned;
      write_integers(names_.tensors[index], tensor.bits, sign, integers, order);
    }
  }

  const ConvertRequest& request_;
  const Network& network_;
  const NetworkNames& names_;
  AtomicFolder folder_;
  std::string prefix_;
  nlohmann::ordered_json memories_ = nlohmann::ordered_json::array();
};

}  // namespace

Written convert_to_readmemh(const ConvertRequest& request) {
  const NetworkNames names(request.source());
  return MemoryFolder(request, names).run();
}

}  // namespace kones::package
