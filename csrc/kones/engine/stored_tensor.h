// How the engine keeps a tensor's integers: in the narrowest type that holds them, pixel after pixel with the
// channels as neighbours.
#pragma once

#include <cstdint>
#include <vector>

#include "kones/package/package.h"
#include "kones/package/validate.h"

namespace kones::engine {

enum class Element { uint8, int16, int32, int64 };

/// Calls function with a zero of the element's type.
template <typename Function>
decltype(auto) with_element(Element element, Function function) {
  switch (element) {
    case Element::uint8:
      return function(uint8_t{});
    case Element::int16:
      return function(int16_t{});
    case Element::int32:
      return function(int32_t{});
    default:
      return function(int64_t{});
  }
}

int64_t element_bytes(Element element);

/// One image of a tensor: [height][width][channels], each element the integer plus the zero point.
///
/// The network's input, whose integers scale * byte + offset need more than 8 bits, may be kept as bytes all
/// the same where only convolutions read it: the byte x of an integer is scale * (x - 128) + constant, and
/// each pixel has one more channel, which holds 128 + 1. What is multiplied by the constant are sums of
/// weights of real pixels alone, as x - 128 and this channel are 0 in the padding.
struct StoredTensor {
  Element element = Element::int32;
  int64_t zero_point = 0;  ///< 128 for signed integers of up to 8 bits and for bytes, 1 for signs, else 0
  int64_t channels = 1;
  int64_t height = 1;
  int64_t width = 1;
  bool has_constant_channel = false;
  int64_t scale = 1;
  int64_t constant = 0;

  int64_t pixels() const { return height * width; }
  int64_t elements() const { return channels * pixels(); }
  int64_t stored_channels() const { return channels + (has_constant_channel ? 1 : 0); }
  int64_t bytes() const { return stored_channels() * pixels() * element_bytes(element); }

  /// The integers of an image in the package's order, [channels][height][width].
  void read(const void* image, int64_t* integers) const;
};

/// The tensor in the narrowest form that holds the integers of `range`; sums (kind integer) in 32 or 64 bits,
/// but for the network's input.
StoredTensor stored_form(const package::Tensor& tensor, const package::IntegerRange& range, bool is_input);

}  // namespace kones::engine
