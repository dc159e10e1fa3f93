// Options that take whole numbers.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>

#include <CLI/Validators.hpp>

namespace kones::cli {

/// Takes the whole numbers from `low` on that Number holds. CLI11's own checks print float64's largest number
/// in full.
template <typename Number>
CLI::Validator whole_number_from(Number low) {
  return CLI::Validator(
      [low](const std::string& text) -> std::string {
        Number value{};
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, value);
        if (stop == end && error == std::errc() && value >= low) return {};
        return "\"" + text + "\" is no whole number from " + std::to_string(low) + " on";
      },
      ">=" + std::to_string(low));
}

}  // namespace kones::cli
