#include "kones/hardware/constants.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>

#include <toml++/toml.h>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/hardware/embedded_constants.h"

namespace kones::hardware {
namespace {

constexpr std::uintmax_t max_file_bytes = 1 << 20;
constexpr const char* built_in_name = "constants.toml (built in)";

/// A constant that the model needs, and its unit.
struct Required {
  std::string name;
  std::string unit;
};

const std::vector<Required>& required_constants() {
  static const std::vector<Required> all = [] {
    std::vector<Required> list = {{"accelerator.leakage_share", "1"},
                                  {"accelerator.sign_accumulator_bits", "bit"},
                                  {"accelerator.pipeline_depth", "cycle"},
                                  {"accelerator.clock", "MHz"},
                                  {"memory.energy", "pJ/bit"},
                                  {"memory.capacity_coefficient", "pJ/bit"},
                                  {"memory.capacity_exponent", "1"},
                                  {"area.nand2", "um2"}};
    for (const std::string& part : part_names()) {
      list.push_back({"energy.measured." + part, "pJ"});
      list.push_back({"energy.horowitz." + part, "pJ"});
      list.push_back({"area." + part, "gate"});
    }
    return list;
  }();
  return all;
}

const Required* find_required(const std::string& name) {
  for (const Required& required : required_constants()) {
    if (required.name == name) return &required;
  }
  return nullptr;
}

bool begins_with(const std::string& text, const char* start) {
  return text.rfind(start, 0) == 0;
}

/// Reads one file's tables into `constants`.
class Reader {
 public:
  Reader(Constants& constants, std::string file) : constants_(constants), file_(std::move(file)) {}

  void read(std::string_view text) {
    toml::table table;
    try {
      table = toml::parse(text, file_);
    } catch (const toml::parse_error& error) {
      std::ostringstream message;
      message << file_ << ", line " << error.source().begin.line << ": " << error.description();
      throw Error(message.str());
    }
    // Processes first: constants name them.
    if (const toml::node* processes = table.get("process")) read_processes(*processes);
    for (const auto& [key, node] : table) {
      if (key.str() != "process") read_group(std::string(key.str()), node);
    }
  }

 private:
  [[noreturn]] void fail(const toml::node& node, const std::string& what) const {
    throw Error(file_ + ", line " + std::to_string(node.source().begin.line) + ": " + what);
  }

  const toml::table& table_of(const std::string& name, const toml::node& node) const {
    if (!node.is_table()) fail(node, name + " is no table");
    return *node.as_table();
  }

  void check_keys(const std::string& name, const toml::table& table,
                  std::initializer_list<const char*> keys) const {
    std::string list;
    for (const char* key : keys) list += (list.empty() ? "" : ", ") + std::string(key);
    for (const auto& [key, node] : table) {
      const auto is_key = [&key = key](const char* known) { return key.str() == known; };
      if (std::none_of(keys.begin(), keys.end(), is_key))
        fail(node, name + " has no \"" + std::string(key.str()) + "\"; there is " + list);
    }
  }

  std::string text(const std::string& name, const toml::table& table, const char* key) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) fail(table, name + " lacks its " + key);
    if (!node->is_string() || node->as_string()->get().empty())
      fail(*node, name + ": " + key + " is a text in quotes");
    return node->as_string()->get();
  }

  double positive(const std::string& what, const toml::node& node) const {
    const std::optional<double> value = node.is_number() ? node.value<double>() : std::nullopt;
    if (!value || !std::isfinite(*value) || *value <= 0) fail(node, what + " is a number above 0");
    return *value;
  }

  void read_processes(const toml::node& processes) {
    for (const auto& [key, node] : table_of("process", processes)) {
      const std::string name = "process." + std::string(key.str());
      const toml::table& table = table_of(name, node);
      check_keys(name, table, {"description", "energy_factor", "source"});
      const toml::node* factor = table.get("energy_factor");
      if (factor == nullptr) fail(table, name + " lacks its energy_factor");
      constants_.processes[std::string(key.str())] = {text(name, table, "description"),
                                                      positive(name + ": energy_factor", *factor),
                                                      text(name, table, "source")};
    }
  }

  /// A table of tables, down to the constants.
  void read_group(const std::string& name, const toml::node& node) {
    if (find_required(name) != nullptr) return read_constant(name, node);
    const auto is_inside = [&name](const Required& required) {
      return begins_with(required.name, (name + ".").c_str());
    };
    const std::vector<Required>& required = required_constants();
    if (std::none_of(required.begin(), required.end(), is_inside))
      fail(node, "there is no constant \"" + name + "\"");
    for (const auto& [key, inner] : table_of(name, node))
      read_group(name + "." + std::string(key.str()), inner);
  }

  void read_constant(const std::string& name, const toml::node& node) {
    const toml::table& table = table_of(name, node);
    Constant constant;
    constant.file = file_;
    const toml::node* factor = table.get("factor");
    if (factor == nullptr) fail(table, name + " lacks its factor");
    constant.factor = positive(name + ": factor", *factor);
    if (constant.factor < 1) fail(*factor, name + ": factor is a number from 1 on");
    if (table.contains("like")) {
      check_keys(name, table, {"like", "factor"});
      read_likeness(name, table, constant);
    } else {
      check_keys(name, table, {"value", "points", "unit", "process", "source", "factor"});
      read_points(name, table, constant);
      read_origin(name, table, constant);
    }
    if (name == "accelerator.leakage_share" && constant.points[0].second * constant.factor >= 1)
      fail(table, name + " times its factor is below 1");
    constants_.values[name] = std::move(constant);
  }

  void read_likeness(const std::string& name, const toml::table& table, Constant& constant) const {
    constant.like = text(name, table, "like");
    const std::vector<std::string>& parts = part_names();
    if (!begins_with(name, "energy.horowitz."))
      fail(table, name + ": only constants of energy.horowitz are like others");
    if (std::find(parts.begin(), parts.end(), constant.like) == parts.end())
      fail(table, name + " is like \"" + constant.like + "\", which is none of energy.horowitz");
    constant.unit = "pJ";
  }

  void read_points(const std::string& name, const toml::table& table, Constant& constant) const {
    const toml::node* value = table.get("value");
    const toml::node* points = table.get("points");
    if ((value == nullptr) == (points == nullptr)) fail(table, name + " has either a value or points");
    if (value != nullptr) {
      constant.points = {{1.0, positive(name + ": value", *value)}};
      return;
    }
    if (name.find(".integer_") == std::string::npos) fail(*points, name + " is of no width: it has a value");
    if (!points->is_array() || points->as_array()->empty())
      fail(*points, name + ": points are [[bits, value], ...]");
    for (const toml::node& node : *points->as_array()) {
      const toml::array* pair = node.as_array();
      if (pair == nullptr || pair->size() != 2) fail(node, name + ": points are [[bits, value], ...]");
      const double bits = positive(name + ": bits", *pair->get(0));
      if (!constant.points.empty() && bits <= constant.points.back().first)
        fail(node, name + ": the points' bits ascend");
      constant.points.emplace_back(bits, positive(name + ": value", *pair->get(1)));
    }
  }

  void read_origin(const std::string& name, const toml::table& table, Constant& constant) const {
    constant.unit = text(name, table, "unit");
    constant.process = text(name, table, "process");
    constant.source = text(name, table, "source");
    const std::string& unit = find_required(name)->unit;
    if (constant.unit != unit)
      fail(*table.get("unit"), name + " is in " + unit + ", not in \"" + constant.unit + "\"");
    if (constants_.processes.count(constant.process) == 0)
      fail(*table.get("process"), name + ": there is no process \"" + constant.process + "\"");
  }

  Constants& constants_;
  std::string file_;
};

void check_complete(const Constants& constants) {
  for (const Required& required : required_constants()) {
    if (constants.values.count(required.name) == 0)
      throw Error(std::string(built_in_name) + ": there is no " + required.name);
  }
  for (const auto& [name, constant] : constants.values) {
    if (constant.like.empty()) continue;
    const std::string anchor = "energy.horowitz." + constant.like;
    if (!constants.get(anchor).like.empty())
      throw Error(constant.file + ": " + name + " is like " + anchor + ", which itself is like another");
  }
}

}  // namespace

double Constant::at(double bits) const {
  if (points.size() == 1) return points[0].second;
  std::size_t next = 1;
  while (next + 1 < points.size() && points[next].first < bits) ++next;
  const auto& [x0, y0] = points[next - 1];
  const auto& [x1, y1] = points[next];
  const double slope = std::log(y1 / y0) / std::log(x1 / x0);
  return y0 * std::pow(bits / x0, slope);
}

Estimate Constants::estimate(const std::string& name) const {
  const Constant& constant = get(name);
  return Estimate::within(constant.points[0].second, constant.factor);
}

const Constants& built_in_constants() {
  static const Constants constants = [] {
    Constants read;
    Reader(read, built_in_name).read(embedded_constants);
    check_complete(read);
    return read;
  }();
  return constants;
}

Constants parse_constants(std::string_view text, const std::string& name) {
  Constants constants = built_in_constants();
  Reader(constants, name).read(text);
  check_complete(constants);
  return constants;
}

Constants read_constants(const std::filesystem::path& file) {
  return parse_constants(read_file(file, max_file_bytes), file.string());
}

const std::vector<std::string>& part_names() {
  static const std::vector<std::string> names = {"fp32_multiply",   "fp32_add",
                                                 "fp32_shift",      "fp32_two_shifts_generic",
                                                 "fp32_two_shifts", "gate",
                                                 "sign_shift",      "sign_two_shifts",
                                                 "popcount",        "flip_flop",
                                                 "integer_add",     "integer_multiply",
                                                 "integer_shift",   "integer_two_shifts"};
  return names;
}

}  // namespace kones::hardware
