// A network as arrays of integers, for formats that hold such arrays.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kones/package/convert/names.h"
#include "kones/package/package.h"

namespace kones::package {

enum class ElementType { uint8, int8, uint16, int16, int32, int64 };

/// Bytes of an element.
int size_of(ElementType type);

/// The smallest type that holds the integers minimum .. maximum.
ElementType smallest_type(int64_t minimum, int64_t maximum);

/// The smallest type that holds every integer that the tensor may hold.
ElementType type_of_integers(const Tensor& tensor);

/// The smallest type that holds the weights' levels.
ElementType type_of_levels(const Weights& weights);

/// The bytes of `values`, little-endian, each a `type`.
template <typename Values>
std::string bytes_of(const Values& values, ElementType type) {
  std::string bytes;
  bytes.reserve(values.size() * size_of(type));
  for (const auto value : values) {
    const auto bits = static_cast<uint64_t>(static_cast<int64_t>(value));
    for (int byte = 0; byte < size_of(type); ++byte) bytes += static_cast<char>(bits >> (8 * byte) & 0xff);
  }
  return bytes;
}

struct Array {
  std::string name;  ///< "<layer>.levels"; of letters, digits, underscores and one point
  ElementType type = ElementType::uint8;
  std::vector<uint64_t> shape;
  std::string bytes;    ///< little-endian, the last axis fastest
  std::string meaning;  ///< one line for people, of ASCII alone
};

/// The network's weights (levels, and codes as the package stores them), constants and golden vectors.
std::vector<Array> arrays_of(const Network& network, const NetworkNames& names);

}  // namespace kones::package
