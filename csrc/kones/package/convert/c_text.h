// Pieces of C99.
#pragma once

#include <cstdint>
#include <string>

#include "kones/package/convert/arrays.h"
#include "kones/package/convert/template_text.h"

namespace kones::package {

/// "int8_t"
const char* c_type(ElementType type);

/// A constant expression of `value`, which the type must hold.
std::string c_number(int64_t value, ElementType type);

/// "static const <type> <name>[<size>] = {...};" and a line feed.
template <typename Values>
std::string c_array(const std::string& name, ElementType type, const Values& values) {
  constexpr std::size_t line_width = 100;
  std::string text = std::string("static const ") + c_type(type) + " " + name + "[" +
                     std::to_string(values.size()) + "] = {\n ";
  std::size_t line = 1;
  for (const auto value : values) {
    const std::string number = " " + c_number(static_cast<int64_t>(value), type) + ",";
    if (line + number.size() > line_width) {
      text += "\n ";
      line = 1;
    }
    text += number;
    line += number.size();
  }
  return text + "\n};\n";
}

}  // namespace kones::package
