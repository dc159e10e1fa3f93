#include "kones/package/convert/names.h"

namespace kones::package {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string in_small_letters(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

std::string identifier(std::string_view text, std::size_t most) {
  std::string name;
  for (const char c : text.substr(0, most)) name += is_letter(c) || is_digit(c) ? c : '_';
  if (name.empty() || !is_letter(name[0])) name = ("n" + name).substr(0, most);
  return name;
}

std::string UniqueNames::add(std::string_view text) {
  const std::string name = identifier(text, most_);
  std::string candidate = name;
  int& number = taken_[in_small_letters(name)];
  while (++number > 1) {
    candidate = name + "_" + std::to_string(number);
    if (taken_.emplace(in_small_letters(candidate), 1).second) break;
  }
  return candidate;
}

NetworkNames::NetworkNames(const Network& network) {
  UniqueNames names;
  for (const char* reserved : {"manifest", "golden", "pictures", "labels"}) names.add(reserved);
  for (const Layer& layer : network.layers) layers.push_back(names.add(layer.name));
  for (const Tensor& tensor : network.tensors) tensors.push_back(names.add(tensor.name));
}

std::string comment_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool is_safe = c >= ' ' && c <= '~' && c != '*' && c != '/' && c != '\\' && c != '?';
    result += is_safe ? c : '_';
  }
  return result;
}

}  // namespace kones::package
