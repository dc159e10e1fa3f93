#include "kones/hardware/claims.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "kones/error.h"

namespace kones::hardware {
namespace {

/// Tried once for all tests.
const std::map<std::string, ClaimResult>& results() {
  static const std::map<std::string, ClaimResult> by_name = [] {
    std::map<std::string, ClaimResult> result;
    for (const ClaimResult& claim : try_claims(assumption_grid(), built_in_constants()))
      result[claim.claim.name] = claim;
    return result;
  }();
  return by_name;
}

ClaimShare share(const std::string& claim, const std::string& assumption, const std::string& choice) {
  for (const ClaimShare& share : results().at(claim).shares) {
    if (share.assumption == assumption && share.choice == choice) return share;
  }
  ADD_FAILURE() << claim << " has no " << assumption << " " << choice;
  return {};
}

TEST(Claims, TheGridIsWhole) {
  // Accelerators, first layers, weight reuse, input reuse, units, energies, registers, memories.
  EXPECT_EQ(assumption_grid().size(), 2u * 2 * 2 * 3 * 2 * 3 * 2 * 14);
  for (const auto& [name, claim] : results()) {
    std::map<std::string, int64_t> settings;
    std::map<std::string, int64_t> holds;
    for (const ClaimShare& share : claim.shares) {
      settings[share.assumption] += share.settings;
      holds[share.assumption] += share.holds;
    }
    EXPECT_EQ(settings.size(), 8u) << name;
    for (const auto& [assumption, count] : settings) {
      EXPECT_EQ(count, claim.settings) << name << " " << assumption;
      EXPECT_EQ(holds[assumption], claim.holds) << name << " " << assumption;
    }
  }
}

TEST(Claims, OrdersOfEnergyHoldUnderEveryAssumption) {
  for (const char* name : {"C1", "C2", "C3", "S1"}) {
    EXPECT_TRUE(results().at(name).holds_always()) << name;
    EXPECT_EQ(results().at(name).deciding_assumption(), "") << name;
  }
}

// Ding et al., table 1: inputs are float32.
TEST(Claims, OthersNeedAFirstLayerInFloat32) {
  const std::vector<Assumptions> grid = assumption_grid();
  std::vector<Assumptions> documented;
  for (const Assumptions& setting : grid) {
    if (setting.first_layer == FirstLayer::float32 && setting.memory == Memory::flat &&
        setting.memory_energy <= 0.25)
      documented.push_back(setting);
  }
  for (const ClaimResult& claim : try_claims(documented, built_in_constants())) {
    if (claim.claim.name == "C4" || claim.claim.name == "C7") {
      EXPECT_TRUE(claim.holds_always()) << claim.claim.name << " " << claim.holds << "/" << claim.settings;
    }
  }
  EXPECT_EQ(share("C4", "first-layer", "integer").holds, 0);
  for (const char* name : {"C4", "C7"}) {
    EXPECT_EQ(results().at(name).deciding_assumption(), "first-layer");
    EXPECT_EQ(share(name, "memory", "capacity").holds, 0);
  }
}

TEST(Claims, TheOrderOfAreasNeedsAnIntegerFirstLayer) {
  const ClaimShare integer = share("A1", "first-layer", "integer");
  EXPECT_EQ(integer.holds, integer.settings);
  EXPECT_EQ(share("A1", "first-layer", "float").holds, 0);
}

TEST(Claims, WhatDependsOnMemory) {
  for (const char* name : {"C5", "C6"}) {
    EXPECT_GT(results().at(name).holds, 0) << name;
    EXPECT_LT(results().at(name).holds, results().at(name).settings) << name;
    EXPECT_EQ(results().at(name).deciding_assumption(), "memory") << name;
  }
  EXPECT_EQ(results().at("C8").holds, 0);
}

// Of the pipelined accelerator with the paper's unit, five settings pass all.
TEST(Claims, FewSettingsPassAll) {
  std::vector<Assumptions> settings;
  for (const Assumptions& setting : assumption_grid()) {
    if (setting.accelerator == Accelerator::pipelined && setting.two_shifts == TwoShifts::generic)
      settings.push_back(setting);
  }
  for (const ClaimResult& claim : try_claims(settings, built_in_constants())) {
    if (claim.claim.name == "C1-C7") {
      EXPECT_EQ(claim.holds, 5);
    }
  }
}

TEST(Assumptions, AreChosenByName) {
  Assumptions assumptions;
  choose(assumptions, "input-reuse", "per-window");
  EXPECT_EQ(assumptions.input_reuse, InputReuse::per_window);
  const auto refusal = [&assumptions](const char* name, const char* choice) -> std::string {
    try {
      choose(assumptions, name, choice);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(refusal("first-layer", "double"), "there is no first-layer \"double\"; there is float, integer");
  EXPECT_EQ(refusal("colour", "red"), "there is no assumption \"colour\"");
  for_each_choice(assumptions, [](const char* name, auto value) {
    for (const auto& choice : choices(value)) {
      Assumptions chosen;
      choose(chosen, name, choice.name);
      for_each_choice(chosen, [&](const char* other, auto now) {
        if (std::string(name) == other) {
          EXPECT_EQ(choice_name(now), choice.name);
        }
      });
    }
  });
}

}  // namespace
}  // namespace kones::hardware
