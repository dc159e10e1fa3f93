#include "kones/hardware/constants.h"

#include <cmath>
#include <fstream>
#include <string>

#include "package/random_network.h"
#include <gtest/gtest.h>

#include "kones/error.h"

namespace kones::hardware {
namespace {

using package::error_of;

std::string refusal(const std::string& text) {
  return error_of([&text] { parse_constants(text, "mine.toml"); });
}

/// A constant's table, its value on line 2.
std::string table(const std::string& name, const std::string& value, const std::string& unit,
                  const std::string& process = "cacti65") {
  return "[" + name + "]\n" + value + "\nunit = \"" + unit + "\"\nprocess = \"" + process +
         "\"\nsource = \"a test\"\nfactor = 1.5\n";
}

TEST(Constants, EveryOneHasItsOrigin) {
  const Constants& constants = built_in_constants();
  EXPECT_EQ(constants.values.size(), 8 + 3 * part_names().size());
  for (const auto& [name, constant] : constants.values) {
    EXPECT_GE(constant.factor, 1) << name;
    EXPECT_FALSE(constant.unit.empty()) << name;
    if (!constant.like.empty()) continue;
    EXPECT_FALSE(constant.source.empty()) << name;
    EXPECT_EQ(constants.processes.count(constant.process), 1u) << name;
  }
}

// E(V) = a V^2 + b V + c (Stillmaker and Baas, 2017), relative to 65 nm at 1.0 V.
TEST(Constants, ScalingIsThatOfStillmakerAndBaas) {
  const auto energy = [](double a, double b, double c, double v) { return a * v * v + b * v + c; };
  const double to = energy(3.755, -4.398, 1.975, 1.0);
  const auto from45 = [&energy](double v) { return energy(1.103, -0.362, 0.2767, v); };
  const Constants& constants = built_in_constants();
  EXPECT_NEAR(constants.processes.at("nangate45").energy_factor, to / from45(1.1), 5e-4);
  EXPECT_NEAR(constants.processes.at("horowitz45").energy_factor, to / from45(0.9), 5e-4);
}

TEST(Constants, PointsAreJoinedByPowerLaws) {
  Constant constant;
  constant.points = {{8, 2.0}, {16, 8.0}, {32, 8.0}};
  EXPECT_DOUBLE_EQ(constant.at(8), 2.0);
  EXPECT_DOUBLE_EQ(constant.at(16), 8.0);
  EXPECT_NEAR(constant.at(std::sqrt(8.0 * 16.0)), 4.0, 1e-12);
  EXPECT_NEAR(constant.at(4), 0.5, 1e-12);
  EXPECT_NEAR(constant.at(24), 8.0, 1e-12);
  EXPECT_NEAR(constant.at(64), 8.0, 1e-12);
  constant.points = {{1, 3.0}};
  EXPECT_DOUBLE_EQ(constant.at(100), 3.0);
}

TEST(Constants, AFileReplacesWhatItNames) {
  const Constants constants =
      parse_constants(table("memory.energy", "value = 0.5", "pJ/bit") +
                          table("area.integer_add", "points = [[8, 40], [16, 90]]", "gate", "mine") +
                          "[process.mine]\ndescription = \"ours\"\nenergy_factor = 2\nsource = \"a test\"\n",
                      "mine.toml");
  EXPECT_DOUBLE_EQ(constants.estimate("memory.energy").value, 0.5);
  EXPECT_DOUBLE_EQ(constants.estimate("memory.energy").high, 0.75);
  EXPECT_EQ(constants.get("memory.energy").file, "mine.toml");
  EXPECT_DOUBLE_EQ(constants.get("area.integer_add").at(16), 90);
  EXPECT_DOUBLE_EQ(constants.processes.at("mine").energy_factor, 2);
  EXPECT_DOUBLE_EQ(constants.get("area.fp32_add").at(1), built_in_constants().get("area.fp32_add").at(1));
}

// Seen to fail on: points that fall taken as they are.
TEST(Constants, BadOnesAreRefusedWithFileLineAndReason) {
  const struct {
    std::string text;
    std::string message;
  } cases[] = {
      {"[memory.energy\n", "mine.toml, line 1: "},
      {"\n[memory.speed]\nvalue = 1\n", "mine.toml, line 2: there is no constant \"memory.speed\""},
      {"\nmemory = 3\n", "mine.toml, line 2: memory is no table"},
      {"[memory]\nenergy = 0.2\n", "mine.toml, line 2: memory.energy is no table"},
      {table("memory.energy", "value = 0", "pJ/bit"), "line 2: memory.energy: value is a number above 0"},
      {table("memory.energy", "value = -1", "pJ/bit"), "line 2: memory.energy: value is a number above 0"},
      {table("memory.energy", "value = nan", "pJ/bit"), "line 2: memory.energy: value is a number above 0"},
      {table("memory.energy", "value = inf", "pJ/bit"), "line 2: memory.energy: value is a number above 0"},
      {table("memory.energy", "value = \"1\"", "pJ/bit"), "line 2: memory.energy: value is a number above 0"},
      {table("memory.energy", "value = true", "pJ/bit"), "line 2: memory.energy: value is a number above 0"},
      {table("memory.energy", "value = 1", "pJ"), "line 3: memory.energy is in pJ/bit, not in \"pJ\""},
      {table("memory.energy", "value = 1", "pJ/bit", "x"),
       "line 4: memory.energy: there is no process \"x\""},
      {table("memory.energy", "value = 1\nvalues = 2", "pJ/bit"),
       "line 3: memory.energy has no \"values\"; there is value, points, unit, process, source, factor"},
      {table("memory.energy", "value = 1\npoints = [[1, 1]]", "pJ/bit"),
       "line 1: memory.energy has either a value or points"},
      {table("memory.energy", "", "pJ/bit"), "line 1: memory.energy has either a value or points"},
      {table("memory.energy", "points = [[8, 1]]", "pJ/bit"),
       "line 2: memory.energy is of no width: it has a value"},
      {table("area.integer_add", "points = []", "gate"), "line 2: area.integer_add: points are"},
      {table("area.integer_add", "points = [[8]]", "gate"), "line 2: area.integer_add: points are"},
      {table("area.integer_add", "points = [8, 9]", "gate"), "line 2: area.integer_add: points are"},
      {table("area.integer_add", "points = [[8, 1], [8, 2]]", "gate"),
       "line 2: area.integer_add: the points' bits ascend"},
      {table("area.integer_add", "points = [[8, 1], [16, -2]]", "gate"),
       "line 2: area.integer_add: value is a number above 0"},
      {table("accelerator.leakage_share", "value = 0.7", "1"),
       "line 1: accelerator.leakage_share times its factor is below 1"},
      {"[memory.energy]\nvalue = 1\n", "line 1: memory.energy lacks its factor"},
      {"[memory.energy]\nvalue = 1\nfactor = 0.5\n", "line 3: memory.energy: factor is a number from 1 on"},
      {"[memory.energy]\nvalue = 1\nfactor = 1\nunit = \"\"\n", "line 4: memory.energy: unit is a text"},
      {"[memory.energy]\nvalue = 1\nfactor = 1\n", "line 1: memory.energy lacks its unit"},
      {"[energy.measured.gate]\nlike = \"fp32_add\"\nfactor = 1\n",
       "line 1: energy.measured.gate: only constants of energy.horowitz are like others"},
      {"[energy.horowitz.gate]\nlike = \"door\"\nfactor = 1\n",
       "line 1: energy.horowitz.gate is like \"door\", which is none of energy.horowitz"},
      {"[energy.horowitz.gate]\nlike = \"popcount\"\nfactor = 1\n",
       "energy.horowitz.gate is like energy.horowitz.popcount, which itself is like another"},
      {"[process.x]\ndescription = \"x\"\nsource = \"x\"\n", "line 1: process.x lacks its energy_factor"},
      {"[process.x]\nvoltage = 1\n", "line 2: process.x has no \"voltage\""},
  };
  for (const auto& [text, message] : cases) {
    const std::string line = refusal(text);
    EXPECT_NE(line.find(message), std::string::npos) << text << line;
    EXPECT_EQ(line.rfind("mine.toml", 0), 0u) << line;
  }
}

TEST(Constants, FilesAreNamedInErrors) {
  const std::string path = testing::TempDir() + "kones_constants_test.toml";
  std::ofstream(path) << "\n\nx = 1\n";
  EXPECT_EQ(error_of([&path] { read_constants(path); }), path + ", line 3: there is no constant \"x\"");
  std::remove(path.c_str());
  EXPECT_NE(error_of([&path] { read_constants(path); }).find(path), std::string::npos);
}

}  // namespace
}  // namespace kones::hardware
