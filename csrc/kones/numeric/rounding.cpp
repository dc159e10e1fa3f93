#include "kones/numeric/rounding.h"

namespace kones {

std::optional<Rounding> rounding_from_name(std::string_view name) {
  for (const Rounding rounding :
       {Rounding::nearest, Rounding::stochastic, Rounding::truncate, Rounding::nearest_log}) {
    if (name == rounding_name(rounding)) return rounding;
  }
  return std::nullopt;
}

std::string_view rounding_name(Rounding rounding) {
  switch (rounding) {
    case Rounding::nearest:
      return "nearest";
    case Rounding::stochastic:
      return "stochastic";
    case Rounding::truncate:
      return "truncate";
    case Rounding::nearest_log:
      return "nearest_log";
  }
  return "";
}

}  // namespace kones
