#include "kones/engine/verify.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "kones/package/reader.h"
#include "kones/torch/cli/commands.h"

namespace kones::cli {
namespace {

struct VerifyArguments {
  std::string file;
  bool json = false;
};

nlohmann::ordered_json json_of(const engine::NetworkProof& proof) {
  nlohmann::ordered_json accumulators = nlohmann::ordered_json::array();
  for (const engine::AccumulatorProof& accumulator : proof.accumulators) {
    accumulators.push_back(
        {{"layer", accumulator.layer}, {"bound", accumulator.bound}, {"bits", accumulator.bits}});
  }
  return {{"network", proof.network},
          {"accumulators", std::move(accumulators)},
          {"golden_vectors", proof.golden_vectors},
          {"integers", proof.integers}};
}

void print(const engine::NetworkProof& proof) {
  std::printf("network %s\n", proof.network.c_str());
  for (const engine::AccumulatorProof& accumulator : proof.accumulators) {
    std::printf("  %s: no accumulator leaves %d bits; |sum| is at most %lld\n", accumulator.layer.c_str(),
                accumulator.bits, static_cast<long long>(accumulator.bound));
  }
  if (proof.golden_vectors == 0) {
    std::printf("  no golden vectors: nothing was computed\n");
    return;
  }
  std::printf(
      "  %lld golden vectors: %lld integers computed twice, by the reference and the engine; all are "
      "right\n",
      static_cast<long long>(proof.golden_vectors), static_cast<long long>(proof.integers));
}

int run_verify(const VerifyArguments& arguments) {
  // Reading checks the checksum, every code, shape and constant, and the bounds.
  const package::Package read = package::read_package(arguments.file);
  nlohmann::ordered_json networks = nlohmann::ordered_json::array();
  for (const package::Network& network : read.networks) {
    const engine::NetworkProof proof = engine::verify(network);
    if (arguments.json) {
      networks.push_back(json_of(proof));
    } else {
      print(proof);
    }
  }
  if (arguments.json) {
    const nlohmann::ordered_json json = {{"file", arguments.file},
                                         {"bytes", std::filesystem::file_size(arguments.file)},
                                         {"networks", std::move(networks)}};
    std::printf("%s\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::printf("%s is whole: checksum, codes, shapes and constants are right\n", arguments.file.c_str());
  }
  return 0;
}

}  // namespace

void add_verify(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("verify", "Prove that a package is whole and computes what it says");
  auto arguments = std::make_shared<VerifyArguments>();
  command->add_option("file", arguments->file, "The package, *.kones")->required();
  command->add_flag("--json", arguments->json, "Print what was proven as JSON");
  command->callback([arguments, &status] { status = run_verify(*arguments); });
}

}  // namespace kones::cli
