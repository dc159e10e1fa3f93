// The program kones.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <CLI/CLI.hpp>

#include "kones/error.h"
#include "kones/torch/cli/commands.h"
#include "kones/torch/cli/names.h"
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

/// A write that fails is then an error with a line of its own, and training saves what it has.
void ignore_write_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

/// The tensors of a training step are taken and given back at every step. glibc returns large ones to the
/// system, which then has to clear their pages again; here they stay.
void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

/// A result that nobody can read is a failure.
int check_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return 0;
  const std::string reason = errno != 0 ? std::string(": ") + std::strerror(errno) : "";
  print_error(("cannot write to standard output" + reason).c_str());
  return status_failed;
}

std::string command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return kones::cli::join(names);
}

/// CLI11 says of a command that is none only that one is required.
void check_command(const CLI::App& app, int argc, char** argv) {
  char** const first = std::find_if(argv + 1, argv + argc, [](const char* word) { return word[0] != '-'; });
  if (first == argv + argc) return;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == *first) return;
  }
  throw kones::UsageError("there is no command \"" + std::string(*first) + "\"; there are " +
                          command_names(app) + "; kones --help says more");
}

/// By way of stdio, like all results, so that check_output sees a failure and its reason.
int print_help(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream text;
  const int status = app.exit(error, text, text);
  std::fputs(text.str().c_str(), stdout);
  return status;
}

int run_command(CLI::App& app, int argc, char** argv) {
  int status = 0;
  kones::cli::add_train(app, status);
  kones::cli::add_recipe(app, status);
  kones::cli::add_evaluate(app, status);
  kones::cli::add_export(app, status);
  kones::cli::add_run(app, status);
  kones::cli::add_inspect(app, status);
  kones::cli::add_verify(app, status);
  kones::cli::add_cost(app, status);
  kones::cli::add_convert(app, status);
  try {
    check_command(app, argc, argv);
    app.parse(argc, argv);
    return status;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return print_help(app, error);
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

}  // namespace

int main(int argc, char** argv) {
  ignore_write_signals();
  keep_freed_memory();
  CLI::App app("Trains neural networks with hardware-cheap weights, and exports them for the accelerator.",
               "kones");
  app.set_version_flag("--version", kones::version);
  app.require_subcommand(1);
  const int status = run_command(app, argc, argv);
  return status == 0 ? check_output() : status;
}
