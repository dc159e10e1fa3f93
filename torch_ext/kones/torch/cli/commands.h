// The commands of the program kones. Each function adds one; when it is given, the command runs while the
// arguments are parsed, and sets `status` to the program's exit status.
#pragma once

#include <CLI/App.hpp>

namespace kones::cli {

void add_train(CLI::App& app, int& status);
void add_recipe(CLI::App& app, int& status);
void add_evaluate(CLI::App& app, int& status);
void add_export(CLI::App& app, int& status);
void add_run(CLI::App& app, int& status);
void add_inspect(CLI::App& app, int& status);
void add_verify(CLI::App& app, int& status);
void add_cost(CLI::App& app, int& status);
void add_convert(CLI::App& app, int& status);

}  // namespace kones::cli
