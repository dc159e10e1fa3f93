#include "kones/hardware/claims.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <utility>

#include "kones/hardware/cost.h"
#include "kones/hardware/network_shape.h"

namespace kones::hardware {
namespace {

/// Positions in paper_methods() and paper_networks().
enum MethodIndex : std::size_t {
  conventional,
  lightnn_2,
  lightnn_1,
  binaryconnect,
  lightnn_2_bin,
  lightnn_1_bin,
  binarynet,
  method_count
};
enum NetworkIndex : std::size_t { one_hidden, two_conv, three_hidden, three_conv, six_conv, network_count };

constexpr double small_budget_pj = 200e3;  ///< 200 nJ

/// What the claims speak of.
struct Figures {
  double energy[network_count][method_count];  ///< pJ
  double area[network_count][method_count];
  int64_t storage[network_count][method_count];      ///< bits
  double memory_share[network_count][method_count];  ///< of energy

  double mean_memory_share(MethodIndex method) const {
    double sum = 0.0;
    for (const auto& row : memory_share) sum += row[method];
    return sum / network_count;
  }
};

/// The work of every network and method.
const std::vector<std::vector<NetworkWork>>& paper_work() {
  static const std::vector<std::vector<NetworkWork>> work = [] {
    std::vector<std::vector<NetworkWork>> result;
    for (const NetworkShape& shape : paper_networks()) {
      result.emplace_back();
      for (const MethodFormats& method : paper_methods()) result.back().push_back(work_of(shape, method));
    }
    return result;
  }();
  return work;
}

Figures figures_of(const Assumptions& assumptions, const Constants& constants) {
  Figures figures;
  for (std::size_t network = 0; network < network_count; ++network) {
    for (std::size_t method = 0; method < method_count; ++method) {
      const NetworkCost cost = cost_of(paper_work()[network][method], assumptions, constants);
      figures.energy[network][method] = cost.energy.total().value;
      figures.area[network][method] = cost.area.value;
      figures.storage[network][method] = cost.storage_bits;
      figures.memory_share[network][method] = cost.energy.memory.value / cost.energy.total().value;
    }
  }
  return figures;
}

/// Whether `holds(energies of a network, its index)` for every network.
template <typename Holds>
bool in_every_network(const Figures& figures, Holds holds) {
  for (std::size_t network = 0; network < network_count; ++network) {
    if (!holds(figures.energy[network], network)) return false;
  }
  return true;
}

bool conventional_takes_most(const Figures& figures) {
  return in_every_network(figures, [](const double* e, std::size_t) {
    return std::max_element(e, e + method_count) == e + conventional;
  });
}

bool binarynet_takes_least(const Figures& figures) {
  return in_every_network(figures, [](const double* e, std::size_t) {
    return std::min_element(e, e + method_count) == e + binarynet;
  });
}

bool lightnn_energies_are_ordered(const Figures& figures) {
  return in_every_network(figures, [](const double* e, std::size_t) {
    return e[lightnn_2] > e[lightnn_1] && e[lightnn_2] >= e[lightnn_2_bin] &&
           e[lightnn_1] >= e[lightnn_1_bin] && e[lightnn_2_bin] > e[lightnn_1_bin];
  });
}

bool lightnn_1_takes_more_than_lightnn_2_bin(const Figures& figures) {
  return in_every_network(figures, [](const double* e, std::size_t network) {
    return (e[lightnn_1] > e[lightnn_2_bin]) == (network != one_hidden);
  });
}

bool small_conventional_takes_less_than_large_binarynet(const Figures& figures) {
  return figures.energy[two_conv][conventional] < figures.energy[three_hidden][binarynet];
}

bool arithmetic_or_memory_dominates(const Figures& figures) {
  return figures.mean_memory_share(conventional) < 0.5 && figures.mean_memory_share(lightnn_2_bin) > 0.5 &&
         figures.mean_memory_share(lightnn_1_bin) > 0.5 && figures.mean_memory_share(binarynet) > 0.5;
}

bool binaryconnect_takes_more_than_lightnn_1_bin(const Figures& figures) {
  return in_every_network(figures, [](const double* e, std::size_t network) {
    return (e[binaryconnect] > e[lightnn_1_bin]) == (network != one_hidden);
  });
}

bool energies_are_as_described(const Figures& figures) {
  return conventional_takes_most(figures) && binarynet_takes_least(figures) &&
         lightnn_energies_are_ordered(figures) && lightnn_1_takes_more_than_lightnn_2_bin(figures) &&
         small_conventional_takes_less_than_large_binarynet(figures) &&
         arithmetic_or_memory_dominates(figures) && binaryconnect_takes_more_than_lightnn_1_bin(figures);
}

bool lightnn_2_is_within_200_nanojoules(const Figures& figures) {
  return figures.energy[two_conv][lightnn_2] < small_budget_pj;
}

bool areas_are_ordered(const Figures& figures) {
  return std::all_of(std::begin(figures.area), std::end(figures.area), [](const auto& area) {
    const auto does_not_fall = [](double left, double right) { return left <= right; };
    return std::adjacent_find(std::begin(area), std::end(area), does_not_fall) == std::end(area);
  });
}

bool storage_is_ordered(const Figures& figures) {
  return std::all_of(std::begin(figures.storage), std::end(figures.storage), [](const auto& s) {
    return s[conventional] > s[lightnn_2] && s[lightnn_2] == s[lightnn_2_bin] &&
           s[lightnn_2] > s[lightnn_1] && s[lightnn_1] == s[lightnn_1_bin] &&
           s[lightnn_1] > s[binaryconnect] && s[binaryconnect] == s[binarynet];
  });
}

struct ClaimRow {
  Claim claim;
  bool (*holds)(const Figures&);
};

const std::vector<ClaimRow>& claim_rows() {
  static const std::vector<ClaimRow> rows = {
      {{"C1", "energy: conventional networks take most in every configuration"}, conventional_takes_most},
      {{"C2", "energy: BinaryNet takes least in every configuration"}, binarynet_takes_least},
      {{"C3", "energy: LightNN-2 > LightNN-1 and LightNN-2-bin > LightNN-1-bin"},
       lightnn_energies_are_ordered},
      {{"C4", "energy: LightNN-1 > LightNN-2-bin in all but 1-hidden"},
       lightnn_1_takes_more_than_lightnn_2_bin},
      {{"C5", "energy: conventional 2-conv < BinaryNet 3-hidden"},
       small_conventional_takes_less_than_large_binarynet},
      {{"C6", "energy: memory is less than half of conventional, most of -bin and BinaryNet (means)"},
       arithmetic_or_memory_dominates},
      {{"C7", "energy: BinaryConnect > LightNN-1-bin in all but 1-hidden"},
       binaryconnect_takes_more_than_lightnn_1_bin},
      {{"C1-C7", "energy: all of the above together"}, energies_are_as_described},
      {{"C8", "energy: LightNN-2 2-conv < 200 nJ"}, lightnn_2_is_within_200_nanojoules},
      {{"A1",
        "area: conventional > LightNN-2 > LightNN-1 > BinaryConnect > LightNN-2-bin > LightNN-1-bin > "
        "BinaryNet"},
       areas_are_ordered},
      {{"S1", "storage: conventional > LightNN-2(-bin) > LightNN-1(-bin) > BinaryConnect, BinaryNet"},
       storage_is_ordered},
  };
  return rows;
}

/// Values of memory that the grid tries, in pJ/bit.
constexpr std::array<double, 13> memory_energies = {0.03, 0.05, 0.08, 0.1, 0.112, 0.13, 0.15,
                                                    0.2,  0.25, 0.3,  0.4, 0.6,   1.0};

/// Each setting of `grid` with each value of one member.
template <typename Value, typename Values>
std::vector<Assumptions> spread(const std::vector<Assumptions>& grid, Value Assumptions::*member,
                                const Values& values) {
  std::vector<Assumptions> result;
  for (Assumptions setting : grid) {
    for (const auto& value : values) {
      setting.*member = value;
      result.push_back(setting);
    }
  }
  return result;
}

template <typename Value>
std::vector<Value> all_of_choice() {
  std::vector<Value> values;
  for (const Choice<Value>& choice : choices(Value{})) values.push_back(choice.value);
  return values;
}

/// (assumption, choice) of everything that the grid varies.
std::vector<std::pair<std::string, std::string>> chosen(const Assumptions& setting) {
  std::vector<std::pair<std::string, std::string>> list;
  for_each_choice(setting, [&list](const char* name, const auto& value) {
    if (std::string(name) != "operands" && std::string(name) != "memory")
      list.emplace_back(name, choice_name(value));
  });
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g pJ/bit", setting.memory_energy);
  list.emplace_back("memory", setting.memory == Memory::capacity ? "capacity" : text.data());
  list.emplace_back("registers", setting.registers ? "counted" : "left out");
  return list;
}

/// A share of nothing for each choice of each assumption, in the order in which the grid has them.
std::vector<ClaimShare> empty_shares(const std::vector<Assumptions>& grid) {
  std::vector<ClaimShare> shares;
  const std::size_t assumptions = grid.empty() ? 0 : chosen(grid.front()).size();
  std::set<std::pair<std::string, std::string>> known;
  std::vector<std::vector<ClaimShare>> columns(assumptions);
  for (const Assumptions& setting : grid) {
    const auto made = chosen(setting);
    for (std::size_t column = 0; column < assumptions; ++column) {
      if (known.insert(made[column]).second)
        columns[column].push_back({made[column].first, made[column].second, 0, 0});
    }
  }
  for (const auto& column : columns) shares.insert(shares.end(), column.begin(), column.end());
  return shares;
}

}  // namespace

const std::vector<Claim>& paper_claims() {
  static const std::vector<Claim> claims = [] {
    std::vector<Claim> list;
    for (const ClaimRow& row : claim_rows()) list.push_back(row.claim);
    return list;
  }();
  return claims;
}

std::vector<bool> holding_claims(const Assumptions& assumptions, const Constants& constants) {
  const Figures figures = figures_of(assumptions, constants);
  std::vector<bool> holding;
  for (const ClaimRow& row : claim_rows()) holding.push_back(row.holds(figures));
  return holding;
}

std::vector<Assumptions> assumption_grid(Operands operands) {
  std::vector<Assumptions> grid(1);
  grid.front().operands = operands;
  grid = spread(grid, &Assumptions::accelerator, all_of_choice<Accelerator>());
  grid = spread(grid, &Assumptions::first_layer, all_of_choice<FirstLayer>());
  grid = spread(grid, &Assumptions::weight_reuse, all_of_choice<WeightReuse>());
  grid = spread(grid, &Assumptions::input_reuse, all_of_choice<InputReuse>());
  grid = spread(grid, &Assumptions::two_shifts, all_of_choice<TwoShifts>());
  grid = spread(grid, &Assumptions::energies, all_of_choice<Energies>());
  grid = spread(grid, &Assumptions::registers, std::vector<bool>{true, false});
  std::vector<Assumptions> by_capacity = spread(grid, &Assumptions::memory, std::vector{Memory::capacity});
  grid = spread(grid, &Assumptions::memory_energy, memory_energies);
  grid.insert(grid.end(), by_capacity.begin(), by_capacity.end());
  return grid;
}

std::string ClaimResult::deciding_assumption() const {
  std::map<std::string, std::pair<double, double>> ranges;
  for (const ClaimShare& share : shares) {
    const double rate = static_cast<double>(share.holds) / static_cast<double>(share.settings);
    auto [range, is_new] = ranges.try_emplace(share.assumption, rate, rate);
    range->second = {std::min(range->second.first, rate), std::max(range->second.second, rate)};
  }
  std::string deciding;
  double widest = 0.0;
  for (const auto& [assumption, range] : ranges) {
    if (range.second - range.first <= widest) continue;
    widest = range.second - range.first;
    deciding = assumption;
  }
  return deciding;
}

std::vector<ClaimResult> try_claims(const std::vector<Assumptions>& grid, const Constants& constants) {
  std::vector<ClaimResult> results;
  const std::vector<ClaimShare> shares = empty_shares(grid);
  for (const Claim& claim : paper_claims()) results.push_back({claim, 0, 0, shares});
  for (const Assumptions& setting : grid) {
    const std::vector<bool> holding = holding_claims(setting, constants);
    const auto made = chosen(setting);
    const auto is_made = [&made](const ClaimShare& share) {
      return std::find(made.begin(), made.end(), std::pair(share.assumption, share.choice)) != made.end();
    };
    for (std::size_t index = 0; index < results.size(); ++index) {
      results[index].settings += 1;
      results[index].holds += holding[index];
    }
    for (std::size_t place = 0; place < shares.size(); ++place) {
      if (!is_made(shares[place])) continue;
      for (std::size_t index = 0; index < results.size(); ++index) {
        results[index].shares[place].settings += 1;
        results[index].shares[place].holds += holding[index];
      }
    }
  }
  return results;
}

}  // namespace kones::hardware
