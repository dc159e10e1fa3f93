// The program kones.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

#include "kones/error.h"
#include "kones/torch/cli/commands.h"
#include "kones/version.h"

namespace {

constexpr int status_failed = 1;
constexpr int status_usage = 2;

/// Errors are shown on one line, whatever made them.
void print_error(const char* text) {
  std::string line(text);
  line.resize(std::min(line.size(), line.find('\n')));
  std::fprintf(stderr, "kones: %s\n", line.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains neural networks with hardware-cheap weights, and exports them for the accelerator.",
               "kones");
  app.set_version_flag("--version", kones::version);
  app.require_subcommand(1);
  int status = 0;
  kones::cli::add_train(app, status);
  kones::cli::add_evaluate(app, status);
  kones::cli::add_export(app, status);
  kones::cli::add_run(app, status);
  kones::cli::add_inspect(app, status);
  try {
    app.parse(argc, argv);
    return status;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    print_error((std::string(error.what()) + "; kones --help says more").c_str());
    return status_usage;
  } catch (const kones::UsageError& error) {
    print_error(error.what());
    return status_usage;
  } catch (const std::exception& error) {
    print_error(error.what());
    return status_failed;
  }
}
