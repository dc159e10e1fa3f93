// Costs and claims, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "kones/hardware/assumptions.h"
#include "kones/hardware/claims.h"
#include "kones/hardware/constants.h"
#include "kones/hardware/cost.h"

namespace kones::hardware {

/// A table of each network's layers and its total, with the range of energy and area; for several networks,
/// as of an ensemble, what they take one after another; then the assumptions.
std::string costs_text(const std::vector<NetworkCost>& networks, const Assumptions& assumptions,
                       const Constants& constants);

/// A table with one line a network, energies also against those of the first network of the same model; then
/// the assumptions.
std::string comparison_text(const std::vector<NetworkCost>& networks, const Assumptions& assumptions,
                            const Constants& constants);

/// The same as one JSON object on one line: networks with their layers, assumptions, constants with their
/// sources.
std::string costs_json(const std::vector<NetworkCost>& networks, const Assumptions& assumptions,
                       const Constants& constants);

/// Which claims hold under every setting, and for the others, under which choices of which assumption.
std::string claims_text(const std::vector<ClaimResult>& claims);

/// The same as one JSON object on one line.
std::string claims_json(const std::vector<ClaimResult>& claims);

}  // namespace kones::hardware
