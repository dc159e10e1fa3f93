// How a quantizer picks a level for a value between two levels.
#pragma once

#include <optional>
#include <string_view>

namespace kones {

enum class Rounding {
  nearest,      ///< the closer level; ties away from zero (sign-magnitude formats) or up (two's complement)
  stochastic,   ///< the upper of the two neighbours with probability (x - lower) / (upper - lower)
  truncate,     ///< the neighbour nearer to zero (sign-magnitude formats) or the lower one (two's complement)
  nearest_log,  ///< powers of two alone: the level whose logarithm is closer
};

/// The rounding called `name`, or nothing if there is none of that name.
std::optional<Rounding> rounding_from_name(std::string_view name);

std::string_view rounding_name(Rounding rounding);

}  // namespace kones
