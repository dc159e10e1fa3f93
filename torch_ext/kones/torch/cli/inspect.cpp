#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "kones/package/describe.h"
#include "kones/package/reader.h"
#include "kones/torch/cli/commands.h"

namespace kones::cli {
namespace {

struct InspectArguments {
  std::string file;
  bool json = false;
};

int run_inspect(const InspectArguments& arguments) {
  const package::Package read = package::read_package(arguments.file);
  const std::string text = arguments.json ? package::describe_json(read) + "\n" : package::describe(read);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("inspect", "Show what a package holds");
  auto arguments = std::make_shared<InspectArguments>();
  command->add_option("file", arguments->file, "The package, *.kones")->required();
  command->add_flag("--json", arguments->json, "Print it as JSON");
  command->callback([arguments, &status] { status = run_inspect(*arguments); });
}

}  // namespace kones::cli
