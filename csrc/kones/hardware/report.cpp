#include "kones/hardware/report.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace kones::hardware {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::vector<std::string>;

constexpr double picojoules_per_microjoule = 1e6;
constexpr double square_micrometres_per_square_millimetre = 1e6;

/// Four significant digits, never as a power of ten.
std::string number(double value) {
  int decimals = 3;
  for (double limit = 10; limit <= 1000 && value >= limit; limit *= 10) --decimals;
  for (double limit = 1; limit > 1e-6 && value < limit && value > 0; limit /= 10) ++decimals;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string percent(double share) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", 100 * share);
  return text.data();
}

std::string number(int64_t value) {
  return std::to_string(value);
}

int64_t whole_bytes(int64_t bits) {
  return (bits + 7) / 8;
}

/// Empty for what has none.
std::string size_or_none(double value) {
  return value == 0 ? std::string() : number(value);
}

std::string range(const Estimate& estimate) {
  if (estimate.high == 0) return {};
  return number(estimate.low) + ".." + number(estimate.high);
}

Estimate microjoules(const Estimate& picojoules) {
  return picojoules * (1 / picojoules_per_microjoule);
}

Estimate square_millimetres(const Estimate& square_micrometres) {
  return square_micrometres * (1 / square_micrometres_per_square_millimetre);
}

/// Columns two spaces apart; the first `left` of them are aligned left, the others right.
std::string table_of(const std::vector<Row>& rows, std::size_t left) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t column = 0; column < row.size(); ++column)
      widths[column] = std::max(widths[column], row[column].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      const std::string gap(widths[column] - row[column].size(), ' ');
      line += "  " + (column < left ? row[column] + gap : gap + row[column]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

/// The columns of a layer or a total, after its name.
void append_figures(Row& row, int64_t products, int64_t storage_bits, const Energy& energy,
                    const Estimate& area, int64_t cycles) {
  const Estimate total = microjoules(energy.total());
  const Estimate size = square_millimetres(area);
  row.insert(
      row.end(),
      {number(products), number(whole_bytes(storage_bits)), number(total.value), range(total),
       number(microjoules(energy.logic).value), number(microjoules(energy.memory).value),
       number(microjoules(energy.registers).value), size_or_none(size.value), range(size), number(cycles)});
}

Row total_row(const NetworkCost& network) {
  Row row{"total", "", "", ""};
  append_figures(row, network.products, network.storage_bits, network.energy, network.area, network.cycles);
  return row;
}

std::string network_text(const NetworkCost& network) {
  std::vector<Row> rows{{"layer", "operation", "weights", "operands", "products", "bytes", "energy uJ",
                         "low..high", "logic", "memory", "registers", "area mm2", "low..high", "cycles"}};
  for (const LayerCost& layer : network.layers) {
    Row row{layer.name, layer.operation, layer.weights, layer.operands};
    append_figures(row, layer.products, layer.storage_bits, layer.energy, layer.area, layer.cycles);
    rows.push_back(row);
  }
  rows.push_back(total_row(network));
  return network.name + ", " + network.method + ": one picture\n" + table_of(rows, 4) + "  " +
         number(network.microseconds) + " us at the assumed clock\n";
}

/// One after another on one accelerator, large enough for each.
NetworkCost sum_of(const std::vector<NetworkCost>& networks) {
  NetworkCost sum;
  for (const NetworkCost& network : networks) {
    sum.parameters += network.parameters;
    sum.products += network.products;
    sum.storage_bits += network.storage_bits;
    sum.energy += network.energy;
    sum.area = larger(sum.area, network.area);
    sum.cycles += network.cycles;
    sum.microseconds += network.microseconds;
  }
  return sum;
}

/// The first of a model's networks: what the others are compared with.
const NetworkCost& first_of_model(const std::vector<NetworkCost>& networks, const std::string& name) {
  return *std::find_if(networks.begin(), networks.end(),
                       [&name](const NetworkCost& network) { return network.name == name; });
}

std::string memory_meaning(const Assumptions& assumptions, const Constants& constants) {
  if (assumptions.memory == Memory::capacity) {
    return "capacity: " + number(constants.estimate("memory.capacity_coefficient").value) + " * bytes^" +
           number(constants.estimate("memory.capacity_exponent").value) + " pJ/bit; " +
           constants.get("memory.capacity_coefficient").source;
  }
  if (assumptions.memory_energy > 0)
    return "flat: " + number(assumptions.memory_energy) + " pJ/bit, as given";
  return "flat: " + number(constants.estimate("memory.energy").value) + " pJ/bit; " +
         constants.get("memory.energy").source;
}

double clock_of(const Assumptions& assumptions, const Constants& constants) {
  return assumptions.clock > 0 ? assumptions.clock : constants.estimate("accelerator.clock").value;
}

/// The files that constants come from: the built-in one, and what replaces some of it.
std::string constant_files(const Constants& constants) {
  std::vector<std::string> files;
  for (const auto& [name, constant] : constants.values) {
    if (std::find(files.begin(), files.end(), constant.file) == files.end()) files.push_back(constant.file);
  }
  std::string text;
  for (const std::string& file : files) text += (text.empty() ? "" : ", ") + file;
  return text;
}

std::string assumptions_text(const Assumptions& assumptions, const Constants& constants) {
  std::vector<Row> rows;
  for_each_choice(assumptions, [&](const std::string& name, auto value) {
    for (const auto& choice : choices(value)) {
      if (choice.value != value) continue;
      std::string text = std::string(choice.name) + ": " + choice.meaning;
      if (name == "memory") text = memory_meaning(assumptions, constants);
      const bool is_of_float32 = name == "first-layer" || name == "ln2-unit";
      if (is_of_float32 && assumptions.operands == Operands::integers) text += "; only beside float32";
      rows.push_back({name, text});
    }
  });
  rows.push_back({"registers", assumptions.registers ? "counted" : "left out"});
  rows.push_back({"clock", number(clock_of(assumptions, constants)) + " MHz"});
  rows.push_back({"constants", constant_files(constants)});
  rows.push_back({"process", "65 nm, 1.0 V, before layout; area without memories"});
  rows.push_back({"low..high",
                  "if every constant errs by its whole factor, all in one direction: what two methods "
                  "share errs alike in both, so their ratio is surer than their ranges"});
  return "assumptions\n" + table_of(rows, 2);
}

Json json_of(const Estimate& estimate) {
  return {{"value", estimate.value}, {"low", estimate.low}, {"high", estimate.high}};
}

/// The figures that layers and networks share.
template <typename Cost>
Json figures_of(const Cost& cost) {
  return {{"products", cost.products},
          {"storage_bytes", whole_bytes(cost.storage_bits)},
          {"energy_pj", json_of(cost.energy.total())},
          {"logic_pj", json_of(cost.energy.logic)},
          {"memory_pj", json_of(cost.energy.memory)},
          {"registers_pj", json_of(cost.energy.registers)},
          {"area_um2", json_of(cost.area)},
          {"cycles", cost.cycles}};
}

Json json_of(const NetworkCost& network) {
  Json layers = Json::array();
  for (const LayerCost& layer : network.layers) {
    Json entry{{"name", layer.name},
               {"operation", layer.operation},
               {"weights", layer.weights},
               {"operands", layer.operands}};
    entry.update(figures_of(layer));
    layers.push_back(std::move(entry));
  }
  Json result{{"name", network.name}, {"method", network.method}, {"parameters", network.parameters}};
  result.update(figures_of(network));
  result["microseconds"] = network.microseconds;
  result["layers"] = std::move(layers);
  return result;
}

Json json_of(const Assumptions& assumptions, const Constants& constants) {
  Json result;
  for_each_choice(assumptions,
                  [&result](const char* name, auto value) { result[name] = choice_name(value); });
  if (assumptions.memory == Memory::flat) {
    result["memory_pj_per_bit"] =
        assumptions.memory_energy > 0 ? assumptions.memory_energy : constants.estimate("memory.energy").value;
  }
  result["registers"] = assumptions.registers;
  result["clock_mhz"] = clock_of(assumptions, constants);
  return result;
}

Json json_of(const Constants& constants) {
  Json result;
  for (const auto& [name, constant] : constants.values) {
    Json entry;
    if (!constant.like.empty()) {
      entry["like"] = constant.like;
    } else if (constant.points.size() == 1) {
      entry["value"] = constant.points[0].second;
    } else {
      entry["points"] = constant.points;
    }
    entry["unit"] = constant.unit;
    if (constant.like.empty()) {
      const Process& process = constants.processes.at(constant.process);
      entry["process"] = process.description;
      entry["energy_factor"] = process.energy_factor;
      entry["source"] = constant.source;
    }
    entry["factor"] = constant.factor;
    entry["file"] = constant.file;
    result[name] = std::move(entry);
  }
  return result;
}

/// Names come from files and need not be UTF-8.
std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string share_text(const ClaimShare& share) {
  return share.choice + " " + number(share.holds) + "/" + number(share.settings);
}

/// How often the claim holds with each choice of the assumption that decides most.
std::string deciding_text(const ClaimResult& claim) {
  const std::string assumption = claim.deciding_assumption();
  if (assumption.empty()) return {};
  std::string text;
  for (const ClaimShare& share : claim.shares) {
    if (share.assumption == assumption) text += (text.empty() ? "" : ", ") + share_text(share);
  }
  return assumption + ": " + text;
}

/// The choices with which alone it always holds, or never.
std::string certain_text(const ClaimResult& claim) {
  if (claim.holds == 0 || claim.holds_always()) return {};
  std::string always;
  std::string never;
  for (const ClaimShare& share : claim.shares) {
    const std::string name = share.assumption + " " + share.choice;
    if (share.holds == share.settings) always += (always.empty() ? "" : ", ") + name;
    if (share.holds == 0) never += (never.empty() ? "" : ", ") + name;
  }
  std::string text;
  if (!always.empty()) text = "always with " + always;
  if (!never.empty()) text += (text.empty() ? "" : "; ") + ("never with " + never);
  return text;
}

std::string verdict(const ClaimResult& claim) {
  if (claim.holds_always()) return "holds under every setting";
  return claim.holds == 0 ? "holds under none" : "holds under some";
}

}  // namespace

std::string costs_text(const std::vector<NetworkCost>& networks, const Assumptions& assumptions,
                       const Constants& constants) {
  std::string text;
  for (const NetworkCost& network : networks) text += network_text(network);
  if (networks.size() > 1) {
    text += "all " + std::to_string(networks.size()) + " networks, one after another\n" +
            table_of({{"", "", "", "", "products", "bytes", "energy uJ", "low..high", "logic", "memory",
                       "registers", "area mm2", "low..high", "cycles"},
                      total_row(sum_of(networks))},
                     4);
  }
  return text + assumptions_text(assumptions, constants);
}

std::string comparison_text(const std::vector<NetworkCost>& networks, const Assumptions& assumptions,
                            const Constants& constants) {
  std::vector<Row> rows{{"model", "method", "bytes", "energy uJ", "low..high", "of first", "logic %",
                         "memory %", "registers %", "area mm2", "low..high", "cycles", "us"}};
  for (const NetworkCost& network : networks) {
    const Estimate total = microjoules(network.energy.total());
    const Estimate size = square_millimetres(network.area);
    const auto share = [&network](const Estimate& part) {
      return percent(part.value / network.energy.total().value);
    };
    rows.push_back(
        {network.name, network.method, number(whole_bytes(network.storage_bits)), number(total.value),
         range(total),
         number(network.energy.total().value / first_of_model(networks, network.name).energy.total().value),
         share(network.energy.logic), share(network.energy.memory), share(network.energy.registers),
         number(size.value), range(size), number(network.cycles), number(network.microseconds)});
  }
  return "one picture\n" + table_of(rows, 2) + assumptions_text(assumptions, constants);
}

std::string costs_json(const std::vector<NetworkCost>& networks, const Assumptions& assumptions,
                       const Constants& constants) {
  Json list = Json::array();
  for (const NetworkCost& network : networks) list.push_back(json_of(network));
  return line_of({{"networks", std::move(list)},
                  {"assumptions", json_of(assumptions, constants)},
                  {"constants", json_of(constants)}});
}

std::string claims_text(const std::vector<ClaimResult>& claims) {
  if (claims.empty()) return {};
  std::string text =
      "claims of Ding, Liu, Blanton and Marculescu under " + number(claims.front().settings) + " settings\n";
  for (const ClaimResult& claim : claims) {
    text += "  " + claim.claim.name + "  " + claim.claim.text + "\n      " + verdict(claim) + ": " +
            number(claim.holds) + "/" + number(claim.settings) + "\n";
    for (const std::string& line : {deciding_text(claim), certain_text(claim)}) {
      if (!line.empty()) text += "      " + line + "\n";
    }
  }
  return text;
}

std::string claims_json(const std::vector<ClaimResult>& claims) {
  Json list = Json::array();
  for (const ClaimResult& claim : claims) {
    Json shares = Json::array();
    for (const ClaimShare& share : claim.shares) {
      shares.push_back({{"assumption", share.assumption},
                        {"choice", share.choice},
                        {"holds", share.holds},
                        {"settings", share.settings}});
    }
    list.push_back({{"name", claim.claim.name},
                    {"text", claim.claim.text},
                    {"holds", claim.holds},
                    {"settings", claim.settings},
                    {"decided_by", claim.deciding_assumption()},
                    {"shares", std::move(shares)}});
  }
  return line_of({{"claims", std::move(list)}});
}

}  // namespace kones::hardware
