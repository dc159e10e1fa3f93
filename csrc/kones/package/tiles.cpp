#include "kones/package/tiles.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "kones/error.h"

namespace kones::package {
namespace {

constexpr uint64_t tile_elements = uint64_t{tile_outputs} * tile_inputs;

uint64_t tiles_along(uint64_t size, uint64_t tile) {
  return (size + tile - 1) / tile;
}

/// Where the weight at (output, input) stands in the stored order.
uint64_t stored_position(uint64_t output, uint64_t input, uint64_t inputs) {
  const uint64_t tile = output / tile_outputs * tiles_along(inputs, tile_inputs) + input / tile_inputs;
  return tile * tile_elements + output % tile_outputs * tile_inputs + input % tile_inputs;
}

void store_code(std::string& codes, uint64_t position, int storage_bits, uint32_t code) {
  const uint64_t first_bit = position * storage_bits;
  if (storage_bits < 8) {
    char& byte = codes[first_bit / 8];
    byte = static_cast<char>(static_cast<uint8_t>(byte) | code << (first_bit % 8));
    return;
  }
  for (int bit = 0; bit < storage_bits; bit += 8)
    codes[(first_bit + bit) / 8] = static_cast<char>(code >> bit & 0xff);
}

uint32_t load_code(std::string_view codes, uint64_t position, int storage_bits) {
  const uint64_t first_bit = position * storage_bits;
  if (storage_bits < 8) {
    return static_cast<uint32_t>(static_cast<uint8_t>(codes[first_bit / 8])) >> (first_bit % 8) &
           ((1u << storage_bits) - 1u);
  }
  uint32_t code = 0;
  for (int bit = 0; bit < storage_bits; bit += 8) {
    code |= static_cast<uint32_t>(static_cast<uint8_t>(codes[(first_bit + bit) / 8])) << bit;
  }
  return code;
}

/// Decodes codes, each distinct one once: a canonical code is told by encoding its level again, which is
/// slow. Where a format has more codes than there are weights, none is kept: a file of a few bytes must not
/// ask for a large table.
class Decoder {
 public:
  Decoder(const NumberFormat& format, uint64_t weights)
      : format_(format),
        codes_(uint64_t{1} << format.code_bits()),
        levels_(codes_ <= std::max(weights, always_kept_codes) ? codes_ : 0, unknown) {}

  /// Whether `code` is canonical; then `level` is its level.
  bool decode(uint32_t code, int32_t& level) {
    if (code >= codes_) return false;
    if (levels_.empty()) {
      level = level_of(code);
    } else {
      int32_t& known = levels_[code];
      if (known == unknown) known = level_of(code);
      level = known;
    }
    return level != refused;
  }

 private:
  static constexpr int32_t unknown = std::numeric_limits<int32_t>::min();
  static constexpr int32_t refused = std::numeric_limits<int32_t>::max();
  static constexpr uint64_t always_kept_codes = 256;

  int32_t level_of(uint32_t code) const {
    return format_.is_canonical(code) ? format_.decode(code) : refused;
  }

  const NumberFormat& format_;
  const uint64_t codes_;
  std::vector<int32_t> levels_;
};

}  // namespace

uint64_t packed_bytes(const NumberFormat& format, uint32_t outputs, uint32_t inputs) {
  const uint64_t tiles = tiles_along(outputs, tile_outputs) * tiles_along(inputs, tile_inputs);
  const uint64_t tile_bytes = tile_elements / 8 * static_cast<uint64_t>(format.storage_bits());
  constexpr uint64_t largest = std::numeric_limits<uint64_t>::max();
  return tiles > largest / tile_bytes ? largest : tiles * tile_bytes;
}

std::string pack_levels(const Weights& weights) {
  const int storage_bits = weights.format.storage_bits();
  std::string codes(packed_bytes(weights.format, weights.outputs, weights.inputs), '\0');
  std::unordered_map<int32_t, uint32_t> code_of;
  for (uint64_t output = 0; output < weights.outputs; ++output) {
    for (uint64_t input = 0; input < weights.inputs; ++input) {
      const int32_t level = weights.levels.at(output * weights.inputs + input);
      auto known = code_of.find(level);
      if (known == code_of.end()) known = code_of.emplace(level, weights.format.encode(level)).first;
      store_code(codes, stored_position(output, input, weights.inputs), storage_bits, known->second);
    }
  }
  return codes;
}

std::vector<int32_t> unpack_levels(const NumberFormat& format, uint32_t outputs, uint32_t inputs,
                                   std::string_view codes) {
  const uint64_t expected = packed_bytes(format, outputs, inputs);
  if (codes.size() != expected) {
    throw Error("holds " + std::to_string(codes.size()) + " bytes of weight codes, and its " +
                std::to_string(outputs) + " x " + std::to_string(inputs) + " weights take " +
                std::to_string(expected));
  }
  // The other side may be billions.
  if (outputs == 0 || inputs == 0) return {};
  const int storage_bits = format.storage_bits();
  std::vector<int32_t> levels(uint64_t{outputs} * inputs);
  Decoder decoder(format, levels.size());
  const uint64_t stored_outputs = tiles_along(outputs, tile_outputs) * tile_outputs;
  const uint64_t stored_inputs = tiles_along(inputs, tile_inputs) * tile_inputs;
  for (uint64_t output = 0; output < stored_outputs; ++output) {
    for (uint64_t input = 0; input < stored_inputs; ++input) {
      const uint64_t position = stored_position(output, input, inputs);
      const uint32_t code = load_code(codes, position, storage_bits);
      const bool is_padding = output >= outputs || input >= inputs;
      if (is_padding ? code != 0 : !decoder.decode(code, levels[output * inputs + input])) {
        throw Error("holds the code " + std::to_string(code) + " at output " + std::to_string(output) +
                    ", input " + std::to_string(input) +
                    (is_padding ? ", in the padding, where codes are 0"
                                : ", which is no canonical code of " + format.name()));
      }
    }
  }
  return levels;
}

}  // namespace kones::package
