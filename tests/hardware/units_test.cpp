#include "kones/hardware/units.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kones::hardware {
namespace {

Parts parts_of(Energies energies = Energies::geometric, TwoShifts two_shifts = TwoShifts::generic) {
  return {built_in_constants(), energies, two_shifts};
}

const Parts& parts() {
  static const Parts all = parts_of();
  return all;
}

std::vector<NumberFormat> every_format() {
  std::vector<NumberFormat> formats = {NumberFormat::binary(), NumberFormat::ternary()};
  for (int terms = 1; terms <= 4; ++terms) {
    for (int shift : {0, 1, 7, 15}) formats.push_back(NumberFormat::k_ones(terms, shift));
  }
  for (bool zero : {false, true}) {
    formats.push_back(NumberFormat::power_of_two(-7, 0, zero));
    formats.push_back(NumberFormat::power_of_two(-30, 0, zero));
  }
  for (int bits : {1, 2, 8, 16, 24}) formats.push_back(NumberFormat::fixed_point(1, bits - 1));
  return formats;
}

const std::vector<Operand>& every_operand() {
  static const std::vector<Operand> operands = {Operand::float32(), Operand::byte(), Operand::sign(),
                                                Operand::fixed_point(2), Operand::fixed_point(16)};
  return operands;
}

UnitCost multiply(const std::optional<NumberFormat>& format, const Operand& operand,
                  const Parts& from = parts()) {
  return multiply_unit(from, format, operand);
}

void expect_less(const UnitCost& less, const UnitCost& more) {
  EXPECT_LT(less.energy.value, more.energy.value);
  EXPECT_LT(less.area.value, more.area.value);
}

TEST(Units, EveryFormatHasOneForEveryOperand) {
  for (Energies energies : {Energies::measured, Energies::horowitz, Energies::geometric}) {
    for (TwoShifts two_shifts : {TwoShifts::generic, TwoShifts::optimised}) {
      const Parts some = parts_of(energies, two_shifts);
      for (const NumberFormat& format : every_format()) {
        for (const Operand& operand : every_operand()) {
          for (const UnitCost& unit :
               {multiply_unit(some, format, operand), accumulate_unit(some, format, operand, 24)}) {
            for (const Estimate& estimate : {unit.energy, unit.area}) {
              EXPECT_GT(estimate.low, 0) << format.name();
              EXPECT_LT(estimate.low, estimate.value) << format.name();
              EXPECT_LT(estimate.value, estimate.high) << format.name();
            }
          }
        }
      }
    }
  }
}

// 45 nm energies times the process's factor; the last is their geometric mean.
TEST(Units, EnergiesAreThoseOfTheirSources) {
  EXPECT_NEAR(parts_of(Energies::measured).get("fp32_multiply").energy.value, 3.82 * 1.098, 1e-9);
  EXPECT_NEAR(parts_of(Energies::horowitz).get("fp32_multiply").energy.value, 3.7 * 1.578, 1e-9);
  EXPECT_NEAR(parts_of(Energies::geometric).get("fp32_multiply").energy.value, 4.95, 0.005);
  // What Horowitz lacks is in measured proportion to his adders.
  EXPECT_NEAR(parts_of(Energies::horowitz).get("fp32_two_shifts").energy.value, 0.9 * 1.578 * 0.935 / 3.43,
              1e-9);
  EXPECT_NEAR(parts_of(Energies::horowitz).get("integer_shift", 8).energy.value, 0.1 * 1.578 * 0.204 / 0.311,
              1e-9);
  EXPECT_NEAR(parts_of(Energies::horowitz).get("integer_multiply", 8 * 8).energy.value, 0.2 * 1.578, 1e-9);
  EXPECT_NEAR(parts_of(Energies::measured).get("integer_add", 12).energy.value, 0.106 * 1.098, 1e-9);
}

// Synthesised: gates of the 8 and 12-bit units.
TEST(Units, AreasAreThoseSynthesised) {
  const auto area = [](const NumberFormat& format, int bits) {
    return multiply(format, Operand::fixed_point(bits)).area.value;
  };
  EXPECT_NEAR(area(NumberFormat::fixed_point(2, 10), 12), 1009, 1e-6);
  EXPECT_NEAR(area(NumberFormat::fixed_point(1, 7), 12), 639, 1e-6);
  EXPECT_NEAR(area(NumberFormat::k_ones(2), 12), 387, 1e-6);
  EXPECT_NEAR(area(NumberFormat::k_ones(1), 12), 193, 1e-6);
  EXPECT_NEAR(area(NumberFormat::k_ones(2), 8), 290, 1e-6);
  EXPECT_NEAR(area(NumberFormat::k_ones(3), 8), 290 + (290 - 142), 1e-6);
  EXPECT_NEAR(area(NumberFormat::power_of_two(-7, 0), 8), 142, 1e-6);
  EXPECT_NEAR(multiply(NumberFormat::k_ones(4), Operand::sign()).area.value, 22.7 + 3 * 88, 1e-6);
  EXPECT_NEAR(multiply(NumberFormat::ternary(), Operand::fixed_point(8)).area.value, 2 * 8 * 2, 1e-6);
  // Ding et al., section V.F: LightNN's 12-bit multiplier is 61.6 % smaller; other multipliers and roundings
  // give 53 to 74 %.
  const double saved = 1 - area(NumberFormat::k_ones(2), 12) / area(NumberFormat::fixed_point(2, 10), 12);
  EXPECT_GT(saved, 0.50);
  EXPECT_LT(saved, 0.75);
}

// Seen to fail on: the shifter's scale turned over.
TEST(Units, MoreTakesMore) {
  for (const Operand& operand : every_operand()) {
    for (int terms = 1; terms < 4; ++terms)
      expect_less(multiply(NumberFormat::k_ones(terms), operand),
                  multiply(NumberFormat::k_ones(terms + 1), operand));
    expect_less(multiply(NumberFormat::binary(), operand), multiply(NumberFormat::ternary(), operand));
    expect_less(multiply(NumberFormat::power_of_two(-7, 0), operand),
                multiply(NumberFormat::power_of_two(-7, 0, true), operand));
    if (operand.kind == Operand::Kind::float32) continue;
    expect_less(multiply(NumberFormat::k_ones(1, 3), operand), multiply(NumberFormat::k_ones(1, 7), operand));
    expect_less(multiply(NumberFormat::k_ones(1, 7), operand),
                multiply(NumberFormat::k_ones(1, 15), operand));
    for (int bits = 1; bits < 24; ++bits)
      expect_less(multiply(NumberFormat::fixed_point(1, bits - 1), operand),
                  multiply(NumberFormat::fixed_point(1, bits), operand));
  }
  for (const NumberFormat& format : every_format()) {
    for (int bits = 2; bits < 32; ++bits)
      expect_less(multiply(format, Operand::fixed_point(bits)),
                  multiply(format, Operand::fixed_point(bits + 1)));
  }
  for (int bits = 4; bits < 40; ++bits)
    expect_less(parts().get("integer_add", bits), parts().get("integer_add", bits + 1));
}

TEST(Units, Float32WeightsMultiplyInFloat32) {
  EXPECT_NEAR(multiply(std::nullopt, Operand::float32()).area.value, 5729, 1e-6);
  EXPECT_NEAR(multiply(NumberFormat::fixed_point(1, 7), Operand::float32()).area.value, 5729, 1e-6);
  EXPECT_NEAR(multiply(std::nullopt, Operand::sign()).area.value, 2, 1e-6);
}

TEST(Units, TheUnitOfTwoShiftsIsAChoice) {
  const auto area = [](TwoShifts unit, int terms) {
    return multiply(NumberFormat::k_ones(terms), Operand::float32(), parts_of(Energies::measured, unit))
        .area.value;
  };
  EXPECT_NEAR(area(TwoShifts::generic, 2), 1637, 1e-6);
  EXPECT_NEAR(area(TwoShifts::optimised, 2), 537, 1e-6);
  EXPECT_NEAR(area(TwoShifts::generic, 1), 100, 1e-6);
  EXPECT_NEAR(area(TwoShifts::optimised, 1), 100, 1e-6);
}

// Seen to fail on: ternary weights and signs summed by an integer adder.
TEST(Units, SumsAreAddedAsTheirProductsAre) {
  const auto area = [](const std::optional<NumberFormat>& format, const Operand& operand) {
    return accumulate_unit(parts(), format, operand, 20).area.value;
  };
  EXPECT_NEAR(area(NumberFormat::binary(), Operand::sign()), 6.2, 1e-6);
  EXPECT_NEAR(area(NumberFormat::ternary(), Operand::sign()), 6.2, 1e-6);
  EXPECT_NEAR(area(NumberFormat::k_ones(1), Operand::sign()), 103, 1e-6);
  EXPECT_NEAR(area(NumberFormat::fixed_point(1, 7), Operand::sign()), 103, 1e-6);
  EXPECT_NEAR(area(NumberFormat::binary(), Operand::fixed_point(8)), 103, 1e-6);
  EXPECT_NEAR(area(NumberFormat::binary(), Operand::float32()), 1856, 1e-6);
  EXPECT_NEAR(area(std::nullopt, Operand::sign()), 1856, 1e-6);
}

}  // namespace
}  // namespace kones::hardware
