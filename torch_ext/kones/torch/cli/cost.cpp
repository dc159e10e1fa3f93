#include "kones/hardware/cost.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "kones/error.h"
#include "kones/hardware/claims.h"
#include "kones/hardware/network_shape.h"
#include "kones/hardware/report.h"
#include "kones/package/reader.h"
#include "kones/torch/choice.h"
#include "kones/torch/cli/commands.h"
#include "kones/torch/cli/names.h"
#include "kones/torch/methods/method.h"
#include "kones/torch/models/topology.h"

namespace kones::cli {
namespace {

struct CostArguments {
  std::string file;
  std::string model;
  std::string method;
  bool compare = false;
  bool claims = false;
  std::map<std::string, std::string> choices;  ///< of assumptions, those that were given
  double memory_energy = 0.0;
  double clock = 0.0;
  bool no_registers = false;
  std::string constants_file;
  bool json = false;
};

hardware::LayerShape shape_of(const LayerShape& layer) {
  hardware::LayerShape shape = layer.kind == LayerShape::Kind::linear
                                   ? hardware::LayerShape::linear(layer.outputs)
                                   : hardware::LayerShape::conv2d(layer.outputs, layer.kernel, layer.padding);
  shape.stride = layer.stride;
  shape.dilation = layer.dilation;
  shape.groups = layer.groups;
  shape.pool_kernel = layer.pooling.kernel;
  shape.pool_stride = layer.pooling.stride;
  shape.pool_padding = layer.pooling.padding;
  shape.pool_ceil_mode = layer.pooling.ceil_mode;
  shape.input = layer.input;
  shape.residual = layer.residual;
  return shape;
}

hardware::NetworkShape shape_of(const Topology& topology) {
  hardware::NetworkShape shape = {topology.name, topology.channels, topology.height, topology.width, {}};
  for (const LayerShape& layer : topology.layers) shape.layers.push_back(shape_of(layer));
  return shape;
}

/// The paper's configurations, and the models that can be trained and are none of them.
std::vector<hardware::NetworkShape> known_shapes() {
  std::vector<hardware::NetworkShape> shapes = hardware::paper_networks();
  for (const Topology& topology : topologies()) {
    if (topology.is_open()) continue;
    const auto is_same = [&topology](const auto& shape) { return shape.name == topology.name; };
    if (std::none_of(shapes.begin(), shapes.end(), is_same)) shapes.push_back(shape_of(topology));
  }
  return shapes;
}

hardware::MethodFormats formats_of(const Method& method) {
  return {method.name, method.weights.format, method.activation == nn::ActivationKind::sign};
}

void check_request(const CostArguments& arguments) {
  const bool one_network = !arguments.model.empty() && !arguments.method.empty();
  const bool models = arguments.compare && arguments.method.empty();
  const int requests = !arguments.file.empty() + (one_network || models) + arguments.claims;
  const bool is_left_over =
      !arguments.compare && !one_network && (!arguments.model.empty() || !arguments.method.empty());
  if (requests != 1 || is_left_over || (arguments.compare && !models)) {
    throw UsageError(
        "cost takes a package, or --model and --method, or --compare (with --model or for all of the "
        "paper's), or "
        "--claims; kones cost --help says more");
  }
}

std::vector<hardware::NetworkWork> requested_work(const CostArguments& arguments) {
  std::vector<hardware::NetworkWork> work;
  if (!arguments.file.empty()) {
    const package::Package read = package::read_package(arguments.file);
    for (const package::Network& network : read.networks) work.push_back(hardware::work_of(network));
    return work;
  }
  if (!arguments.compare) {
    return {hardware::work_of(find_choice("model", known_shapes(), arguments.model),
                              formats_of(find_method(arguments.method)))};
  }
  const std::vector<hardware::NetworkShape> shapes =
      arguments.model.empty() ? hardware::paper_networks()
                              : std::vector{find_choice("model", known_shapes(), arguments.model)};
  for (const hardware::NetworkShape& shape : shapes) {
    for (const Method& method : methods()) work.push_back(hardware::work_of(shape, formats_of(method)));
  }
  return work;
}

hardware::Assumptions assumptions_of(const CostArguments& arguments) {
  hardware::Assumptions assumptions;
  if (!arguments.file.empty()) assumptions.operands = hardware::Operands::integers;
  for (const auto& [name, choice] : arguments.choices) {
    if (!choice.empty()) hardware::choose(assumptions, name, choice);
  }
  assumptions.memory_energy = arguments.memory_energy;
  assumptions.clock = arguments.clock;
  assumptions.registers = !arguments.no_registers;
  if (assumptions.memory == hardware::Memory::capacity && assumptions.memory_energy > 0)
    throw UsageError("--memory capacity and --memory-pj-per-bit exclude each other");
  return assumptions;
}

/// The settings of the grid that have the assumptions that were given.
std::vector<hardware::Assumptions> settings_of(const CostArguments& arguments) {
  const hardware::Assumptions wanted = assumptions_of(arguments);
  if (arguments.memory_energy > 0) throw UsageError("--claims tries energies of memory of its own");
  std::vector<hardware::Assumptions> settings;
  for (const hardware::Assumptions& setting : hardware::assumption_grid(wanted.operands)) {
    bool fits = setting.registers || !arguments.no_registers;
    if (arguments.no_registers) fits = !setting.registers;
    hardware::for_each_choice(setting, [&](const char* name, auto value) {
      const std::string& given = arguments.choices.at(name);
      fits = fits && (given.empty() || given == hardware::choice_name(value));
    });
    if (fits) settings.push_back(setting);
  }
  return settings;
}

hardware::Constants constants_of(const CostArguments& arguments) {
  return arguments.constants_file.empty() ? hardware::built_in_constants()
                                          : hardware::read_constants(arguments.constants_file);
}

std::string answer(const CostArguments& arguments) {
  check_request(arguments);
  const hardware::Constants constants = constants_of(arguments);
  if (arguments.claims) {
    const std::vector<hardware::ClaimResult> claims = hardware::try_claims(settings_of(arguments), constants);
    return arguments.json ? hardware::claims_json(claims) : hardware::claims_text(claims);
  }
  const hardware::Assumptions assumptions = assumptions_of(arguments);
  std::vector<hardware::NetworkCost> costs;
  for (const hardware::NetworkWork& work : requested_work(arguments))
    costs.push_back(hardware::cost_of(work, assumptions, constants));
  if (arguments.json) return hardware::costs_json(costs, assumptions, constants);
  return arguments.compare ? hardware::comparison_text(costs, assumptions, constants)
                           : hardware::costs_text(costs, assumptions, constants);
}

int run_cost(const CostArguments& arguments) {
  const std::string text = answer(arguments);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

/// "float: ..., integer: ..."
template <typename Value>
std::string choices_text(Value value) {
  std::string text;
  for (const hardware::Choice<Value>& choice : hardware::choices(value)) {
    text += (text.empty() ? "" : "; ") + std::string(choice.name) + ": " + choice.meaning;
  }
  return text;
}

}  // namespace

void add_cost(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("cost", "Storage, energy, area and latency on an accelerator");
  auto arguments = std::make_shared<CostArguments>();
  command->add_option("file", arguments->file, "The package, *.kones");
  command->add_option("--model", arguments->model, "A network of this shape: " + join_names(known_shapes()));
  command->add_option("--method", arguments->method, "The method that makes it: " + join_names(methods()));
  command->add_flag("--compare", arguments->compare,
                    "All methods side by side, for --model or for the paper's five configurations");
  command->add_flag(
      "--claims", arguments->claims,
      "Which of the paper's claims hold, under every combination of the assumptions below, or of those "
      "that are not given");
  const hardware::Assumptions defaults;
  hardware::for_each_choice(defaults, [&](const char* name, auto value) {
    const bool depends = std::string(name) == "operands";
    command
        ->add_option("--" + std::string(name), arguments->choices[name],
                     choices_text(value) + (depends ? "; package for a package" : ""))
        ->default_str(hardware::choice_name(value));
  });
  const CLI::Range in_range(1e-9, 1e9);
  // No comparison with what is no number fails.
  const CLI::Validator is_number(
      [](const std::string& text) -> std::string {
        return text.find_first_not_of("+-.0123456789eE") == std::string::npos
                   ? ""
                   : "\"" + text + "\" is no number";
      },
      "NUMBER");
  const CLI::Validator above_zero = is_number & in_range;
  command
      ->add_option("--memory-pj-per-bit", arguments->memory_energy,
                   "Energy of memory, in place of the constants'")
      ->check(above_zero);
  command->add_flag("--no-registers", arguments->no_registers, "Leave out registers of operands");
  command->add_option("--clock-mhz", arguments->clock, "Turns cycles into time, in place of the constants'")
      ->check(above_zero);
  command->add_option("--constants", arguments->constants_file,
                      "TOML file with constants in place of some of the built-in ones (docs/cost.md)");
  command->add_flag("--json", arguments->json,
                    "Print the result, and every constant with its source, as JSON");
  command->callback([arguments, &status] { status = run_cost(*arguments); });
}

}  // namespace kones::cli
