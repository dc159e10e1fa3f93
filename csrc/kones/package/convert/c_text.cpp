#include "kones/package/convert/c_text.h"

namespace kones::package {

const char* c_type(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return "uint8_t";
    case ElementType::int8:
      return "int8_t";
    case ElementType::uint16:
      return "uint16_t";
    case ElementType::int16:
      return "int16_t";
    case ElementType::int32:
      return "int32_t";
    case ElementType::int64:
      break;
  }
  return "int64_t";
}

std::string c_number(int64_t value, ElementType type) {
  const bool is_long = type == ElementType::int64;
  const auto number = [&](int64_t n) {
    return is_long ? "INT64_C(" + std::to_string(n) + ")" : std::to_string(n);
  };
  // C has no negative constants, and the magnitude of the least integer is beyond its type.
  if (value == INT64_MIN || (value == INT32_MIN && !is_long)) return "(" + number(value + 1) + " - 1)";
  return number(value);
}

}  // namespace kones::package
