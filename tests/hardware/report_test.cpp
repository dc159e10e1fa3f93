#include "kones/hardware/report.h"

#include <string>

#include "package/random_network.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "kones/hardware/network_shape.h"

namespace kones::hardware {
namespace {

std::vector<NetworkCost> costs(const Assumptions& assumptions) {
  std::vector<NetworkCost> list;
  for (const MethodFormats& method : paper_methods())
    list.push_back(cost_of(work_of(paper_networks()[1], method), assumptions, built_in_constants()));
  return list;
}

void expect_texts(const std::string& text, std::initializer_list<const char*> expected) {
  for (const char* part : expected) EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

// Seen to fail on: an assumption that is left out.
TEST(Report, EveryResultIsPrintedWithItsAssumptions) {
  Assumptions assumptions;
  assumptions.memory_energy = 0.4;
  assumptions.clock = 250;
  assumptions.registers = false;
  for (const std::string& text : {costs_text(costs(assumptions), assumptions, built_in_constants()),
                                  comparison_text(costs(assumptions), assumptions, built_in_constants())}) {
    for_each_choice(assumptions, [&text](const char* name, auto value) {
      if (std::string(name) != "memory") expect_texts(text, {name, choice_name(value).c_str()});
    });
    expect_texts(text, {"flat: 0.4000 pJ/bit, as given", "registers", "left out", "250.0 MHz",
                        "constants.toml (built in)", "low..high", "65 nm, 1.0 V"});
  }
  assumptions.memory = Memory::capacity;
  expect_texts(costs_text(costs(assumptions), assumptions, built_in_constants()),
               {"0.001010 * bytes^0.5340 pJ/bit"});
}

TEST(Report, LayersAndTotals) {
  const std::vector<NetworkCost> list = {costs({})[1]};
  const std::string text = costs_text(list, {}, built_in_constants());
  expect_texts(text, {"mnist-2conv, lightnn-2: one picture", "conv1", "2-ones, shifts 0..7", "1600000",
                      "431080", "33.10", "fitted to the paper's orders, not validated", "152.4 us"});
  EXPECT_EQ(text.find("networks, one after another"), std::string::npos);
  expect_texts(costs_text({list[0], list[0]}, {}, built_in_constants()),
               {"all 2 networks, one after another", "862160", "66.20", "30476"});
}

TEST(Report, ComparisonIsAgainstTheFirstMethodOfAModel) {
  std::vector<NetworkCost> list = costs({});
  list.push_back(cost_of(work_of(paper_networks()[0], paper_methods()[0]), {}, built_in_constants()));
  const std::string text = comparison_text(list, {}, built_in_constants());
  expect_texts(text, {"0.7371", "0.5775"});
  const std::string last = text.substr(text.find("mnist-1hidden"));
  EXPECT_NE(last.substr(0, last.find('\n')).find(" 1.000 "), std::string::npos) << last;
}

TEST(Report, JsonHasFiguresAssumptionsAndSources) {
  const std::vector<NetworkCost> list = costs({});
  const std::string text = costs_json(list, {}, built_in_constants());
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto json = nlohmann::json::parse(text);
  ASSERT_EQ(json["networks"].size(), 7u);
  const auto& network = json["networks"][1];
  EXPECT_EQ(network["storage_bytes"], 431080);
  EXPECT_EQ(network["cycles"], 15238);
  EXPECT_EQ(network["layers"].size(), 4u);
  EXPECT_NEAR(network["energy_pj"]["value"].get<double>(), list[1].energy.total().value, 1e-3);
  EXPECT_LT(network["area_um2"]["low"], network["area_um2"]["high"]);
  EXPECT_EQ(json["assumptions"]["first-layer"], "float");
  EXPECT_EQ(json["assumptions"]["memory_pj_per_bit"], 0.22);
  EXPECT_EQ(json["assumptions"]["registers"], true);
  EXPECT_EQ(json["constants"].size(), built_in_constants().values.size());
  EXPECT_EQ(json["constants"]["energy.horowitz.fp32_add"]["source"], "Horowitz, ISSCC 2014");
}

TEST(Report, NamesThatAreNotText) {
  package::Network network = package::example_network(0);
  network.layers[0].name = "\xff";
  Assumptions assumptions;
  assumptions.operands = Operands::integers;
  const std::vector<NetworkCost> list = {cost_of(work_of(network), assumptions, built_in_constants())};
  EXPECT_NO_THROW(nlohmann::json::parse(costs_json(list, assumptions, built_in_constants())));
}

TEST(Report, ClaimsSayWhatDecides) {
  const std::vector<ClaimResult> claims = try_claims(assumption_grid(), built_in_constants());
  expect_texts(
      claims_text(claims),
      {"under 4032 settings", "C1  energy: conventional networks take most", "holds under every setting",
       "first-layer: float 0/2016, integer 2016/2016", "always with first-layer integer",
       "never with first-layer float", "holds under none: 0/4032"});
  const auto json = nlohmann::json::parse(claims_json(claims));
  EXPECT_EQ(json["claims"][0]["holds"], 4032);
  EXPECT_EQ(json["claims"][3]["decided_by"], "first-layer");
}

}  // namespace
}  // namespace kones::hardware
