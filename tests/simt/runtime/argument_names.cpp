#include "simt/runtime/argument_names.h"

#include <vector>

namespace simt {
namespace {

thread_local const char* launch_text = nullptr;

constexpr size_t arguments_before = 4;  // grid, block, bytes of shared memory, stream

/// The parts between commas that are in no parentheses. Template arguments are not told from comparisons, so
/// the parts may be too many: then none is believed.
std::vector<std::string> split(const char* text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (; *text != '\0'; ++text) {
    if (*text == '(' || *text == '[' || *text == '{') ++depth;
    if (*text == ')' || *text == ']' || *text == '}') --depth;
    if (*text == ',' && depth == 0) {
      parts.emplace_back();
    } else if (*text != ' ' || !parts.back().empty()) {
      parts.back() += *text;
    }
  }
  return parts;
}

std::string without(std::string text, const std::string& end) {
  if (text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0) {
    text.resize(text.size() - end.size());
  }
  return text;
}

}  // namespace

void name_arguments(const char* text) {
  launch_text = text;
}

const char* take_launch_text() {
  const char* const text = launch_text;
  launch_text = nullptr;
  return text;
}

std::string argument_name(const Launch& launch, size_t number) {
  std::string unnamed = "parameter" + std::to_string(number + 1);
  if (launch.text == nullptr) return unnamed;
  const std::vector<std::string> parts = split(launch.text);
  if (parts.size() != arguments_before + launch.parameter_count) return unnamed;
  const std::string name = without(parts[arguments_before + number], ".data()");
  // An expression says less than the parameter's number.
  return name.empty() || name.find(' ') != std::string::npos ? unnamed : name;
}

}  // namespace simt
