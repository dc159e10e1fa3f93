#include "kones/torch/exporting/export.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "kones/package/describe.h"
#include "kones/package/writer.h"
#include "kones/torch/cli/commands.h"

namespace kones::cli {
namespace {

struct ExportArguments {
  std::string folder;
  std::string out;
};

int run_export(const ExportArguments& arguments) {
  const package::Package exported = export_package(arguments.folder);
  package::write_package(exported, arguments.out);
  std::printf("%s written\n%s", arguments.out.c_str(), package::describe(exported).c_str());
  return 0;
}

}  // namespace

void add_export(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("export", "Write the best epoch of a run as a package");
  auto arguments = std::make_shared<ExportArguments>();
  command->add_option("folder", arguments->folder, "Folder of the run")->required();
  command->add_option("--out", arguments->out, "The package to write, *.kones")->required();
  command->callback([arguments, &status] { status = run_export(*arguments); });
}

}  // namespace kones::cli
