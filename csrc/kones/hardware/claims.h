// What Ding, Liu, Blanton and Marculescu say of energy, area and storage, and whether it holds under which
// assumptions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kones/hardware/assumptions.h"
#include "kones/hardware/constants.h"

namespace kones::hardware {

/// One statement about the paper's five configurations and seven methods.
struct Claim {
  std::string name;  ///< "C1"
  std::string text;
};

/// Energy C1 to C8 (sections V.D and V.E), area A1 (V.D), storage S1 (V.C).
const std::vector<Claim>& paper_claims();

/// Whether each of paper_claims() holds under these assumptions.
std::vector<bool> holding_claims(const Assumptions& assumptions, const Constants& constants);

/// The assumptions that the claims are tried under: every combination of the two accelerators, both first
/// layers, reuses, units of two shifts, the three sets of energies, registers counted or not, and memory of
/// thirteen energies from 0.03 to 1 pJ/bit or by capacity. float32 operands are those of the paper.
std::vector<Assumptions> assumption_grid(Operands operands = Operands::float32);

/// How often a claim holds where one assumption is chosen so.
struct ClaimShare {
  std::string assumption;  ///< "first-layer"
  std::string choice;      ///< "float"
  int64_t holds = 0;
  int64_t settings = 0;
};

struct ClaimResult {
  Claim claim;
  int64_t holds = 0;
  int64_t settings = 0;
  std::vector<ClaimShare> shares;  ///< of every choice of every assumption of the grid

  bool holds_always() const { return holds == settings; }
  /// The assumption whose choices differ most in how often the claim holds; empty where all do alike.
  std::string deciding_assumption() const;
};

/// The claims under every setting of `grid`.
std::vector<ClaimResult> try_claims(const std::vector<Assumptions>& grid, const Constants& constants);

}  // namespace kones::hardware
