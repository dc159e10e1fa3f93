// The program kones_onnx: writes a network of a package as ONNX. `kones convert` runs it; it is a program of
// its own because it links protobuf, and LibTorch has another.
#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/onnx/lowering.h"
#include "kones/package/reader.h"

namespace {

using kones::Error;

constexpr std::size_t most_bytes = INT32_MAX;  // of a protobuf message

std::size_t parse_index(const std::string& text, std::size_t networks) {
  std::size_t index = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, index);
  if (stop != end || error != std::errc() || index >= networks) {
    throw Error("there is no network " + text + "; the package holds " + std::to_string(networks) +
                ", counted from 0");
  }
  return index;
}

void write_model(const std::string& dialect, const std::string& file, const std::string& network,
                 const std::string& out) {
  const kones::package::Package package = kones::package::read_package(file);
  const auto& chosen = package.networks[parse_index(network, package.networks.size())];
  const auto made = dialect == "qonnx" ? kones::onnx_program::make_qonnx() : kones::onnx_program::make_onnx();
  const onnx::ModelProto model = kones::onnx_program::lower(chosen, *made);
  if (model.ByteSizeLong() > most_bytes)
    throw Error("network '" + chosen.name + "': ONNX files have at most 2^31 - 1 bytes, and it takes " +
                std::to_string(model.ByteSizeLong()));
  kones::write_file_atomically(out, model.SerializeAsString());
}

int fail(std::string text) {
  text.resize(std::min(text.size(), text.find('\n')));
  std::fprintf(stderr, "kones_onnx: %s\n", text.c_str());
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  // A write beyond a limit is then an error with a line of its own.
  std::signal(SIGXFSZ, SIG_IGN);
  const std::string dialect = count == 5 ? arguments[1] : "";
  if (dialect != "onnx" && dialect != "qonnx") {
    std::fprintf(stderr, "usage: kones_onnx onnx|qonnx PACKAGE NETWORK FILE\n");
    return 2;
  }
  try {
    write_model(dialect, arguments[2], arguments[3], arguments[4]);
    return 0;
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
