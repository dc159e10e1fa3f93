#include "kones/package/convert/template_text.h"

#include <stdexcept>

namespace kones::package {

std::string filled(std::string_view text, const std::map<std::string, std::string>& values) {
  std::string result;
  for (;;) {
    const std::size_t begin = text.find('@');
    result += text.substr(0, begin);
    if (begin == std::string_view::npos) return result;
    const std::size_t end = text.find('@', begin + 1);
    const std::string name(text.substr(begin + 1, end - begin - 1));
    const auto value = values.find(name);
    if (value == values.end()) throw std::invalid_argument("no value for @" + name + "@");
    result += value->second;
    text.remove_prefix(end + 1);
  }
}

}  // namespace kones::package
