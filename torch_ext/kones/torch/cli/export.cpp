#include "kones/torch/exporting/export.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "kones/package/describe.h"
#include "kones/package/writer.h"
#include "kones/torch/cli/commands.h"
#include "kones/torch/cli/names.h"

namespace kones::cli {
namespace {

struct ExportArguments {
  std::string folder;
  std::string out;
  std::string activation_bits;
  std::string calibration;
  bool json = false;
};

int run_export(const ExportArguments& arguments) {
  ExportOptions options;
  if (!arguments.activation_bits.empty()) parse_activation_bits(arguments.activation_bits, options);
  if (!arguments.calibration.empty()) options.calibration = parse_calibration(arguments.calibration);
  const package::Package exported = export_package(arguments.folder, options);
  package::write_package(exported, arguments.out);
  if (arguments.json) {
    const nlohmann::json described = nlohmann::json::parse(package::describe_json(exported));
    const nlohmann::json json = {{"file", arguments.out},
                                 {"bytes", std::filesystem::file_size(arguments.out)},
                                 {"weights", described.at("weights")},
                                 {"code_bytes", described.at("code_bytes")},
                                 {"float32_bytes", described.at("float32_bytes")}};
    std::printf("%s\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::printf("%s written\n%s", arguments.out.c_str(), package::describe(exported).c_str());
  }
  return 0;
}

std::string not_empty(const std::string& text) {
  return text.empty() ? "it is empty" : "";
}

}  // namespace

void add_export(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("export", "Write the best epoch of a run as a package");
  auto arguments = std::make_shared<ExportArguments>();
  command->add_option("folder", arguments->folder, "Folder of the run")->required();
  command->add_option("--out", arguments->out, "The package to write, *.kones")->required();
  command
      ->add_option("--activation-bits", arguments->activation_bits,
                   "Bits of ReLU activations, 4 to 16: one width, or LAYER=BITS,LAYER=BITS,*=BITS; 8 unless "
                   "trained with others")
      ->check(not_empty);
  command
      ->add_option("--calibration", arguments->calibration,
                   "How radix points are found: " + join(calibration_names()) + "; range unless trained")
      ->check(not_empty);
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments, &status] { status = run_export(*arguments); });
}

}  // namespace kones::cli
