#include "kones/package/convert/convert.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "kones/package/reader.h"
#include "kones/torch/cli/commands.h"

namespace kones::cli {
namespace {

struct ConvertArguments {
  std::string file;
  std::string format;
  std::string out;
  std::string network;
  bool json = false;
};

std::string format_list() {
  std::string text = "Formats:\n";
  for (const package::Converter& converter : package::converters()) {
    std::string name = converter.name;
    name.resize(13, ' ');
    text += "  " + name + converter.description + (converter.makes_folder ? " (a folder)\n" : " (a file)\n");
  }
  return text;
}

void print_result(const ConvertArguments& arguments, const std::string& network,
                  const package::Written& written) {
  uintmax_t bytes = 0;
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const WrittenFile& file : written) {
    bytes += file.bytes;
    files.push_back({{"name", file.name}, {"bytes", file.bytes}});
  }
  if (!arguments.json) {
    std::printf("%s written: network %s as %s, %zu %s, %ju bytes\n", arguments.out.c_str(), network.c_str(),
                arguments.format.c_str(), written.size(), written.size() == 1 ? "file" : "files", bytes);
    return;
  }
  const nlohmann::ordered_json json = {{"out", arguments.out},
                                       {"format", arguments.format},
                                       {"network", network},
                                       {"bytes", bytes},
                                       {"files", std::move(files)}};
  std::printf("%s\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

int run_convert(const ConvertArguments& arguments) {
  const package::Converter& converter = package::find_converter(arguments.format);
  const package::Package read = package::read_package(arguments.file);
  package::ConvertRequest request;
  request.file = arguments.file;
  request.package = &read;
  request.network = package::choose_network(read, arguments.network);
  request.out = arguments.out;
  print_result(arguments, request.source().name, converter.convert(request));
  return 0;
}

}  // namespace

void add_convert(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("convert", "Write a package in the files of other programs");
  auto arguments = std::make_shared<ConvertArguments>();
  command->add_option("file", arguments->file, "The package, *.kones")->required();
  command->add_option("--to", arguments->format, "The format; see below")->required();
  command->add_option("--out", arguments->out, "The file or folder to write")->required();
  command->add_option("--network", arguments->network,
                      "Which network of several: its name, or its number from 0 on");
  command->add_flag("--json", arguments->json, "Print what was written as JSON");
  command->footer(format_list());
  command->callback([arguments, &status] { status = run_convert(*arguments); });
}

}  // namespace kones::cli
