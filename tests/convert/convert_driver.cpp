// Packages, conversions and the engine's integers, for tests in other languages:
//
//   convert_driver packages FOLDER                      writes FOLDER/<network>.kones for each network of
//                                                       converter_networks.h
//   convert_driver convert PACKAGE FORMAT OUT           as `kones convert` does
//   convert_driver integers PACKAGE IMAGES OUT          the engine's integers: int64, tensor after tensor,
//   each
//                                                       [images][channels][height][width]; and, at the end,
//                                                       the predictions
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>

#include "convert/converter_networks.h"

#include "kones/engine/engine.h"
#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/package/convert/convert.h"
#include "kones/package/reader.h"
#include "kones/package/writer.h"

namespace kones::package {
namespace {

void write_packages(const std::filesystem::path& folder) {
  for (const Package& package : {converter_package(), not_in_qonnx()}) {
    for (const Network& network : package.networks)
      write_package({"kones test", {network}}, folder / (network.name + ".kones"));
  }
  Network hostile = extended_network(2);
  make_names_hostile(hostile);
  write_package({"kones test", {hostile}}, folder / "hostile.kones");
}

void convert(const std::string& file, const std::string& format, const std::string& out) {
  const Package read = read_package(file);
  find_converter(format).convert({file, &read, 0, out});
}

void write_integers(const std::string& file, const std::string& images, const std::string& out) {
  const Package read = read_package(file);
  const engine::Engine engine(read.networks[0]);
  const std::string bytes = read_file(images, UINTMAX_MAX);
  const auto* pictures = reinterpret_cast<const uint8_t*>(bytes.data());
  const auto count = static_cast<int64_t>(bytes.size()) / engine.input_bytes();
  std::vector<std::vector<int64_t>> all = engine.all_integers(pictures, count);
  const std::vector<int32_t> predictions = engine.predict(pictures, count);
  all.emplace_back(predictions.begin(), predictions.end());
  std::string result;
  for (const std::vector<int64_t>& integers : all)
    result.append(reinterpret_cast<const char*>(integers.data()), integers.size() * sizeof(int64_t));
  write_file_atomically(out, result);
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 2 && words[0] == "packages") {
    write_packages(words[1]);
  } else if (words.size() == 4 && words[0] == "convert") {
    convert(words[1], words[2], words[3]);
  } else if (words.size() == 4 && words[0] == "integers") {
    write_integers(words[1], words[2], words[3]);
  } else {
    std::fprintf(stderr, "usage: convert_driver packages|convert|integers ...\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace kones::package

int main(int count, char** arguments) {
  try {
    return kones::package::run({arguments + 1, arguments + count});
  } catch (const kones::Error& error) {
    std::fprintf(stderr, "convert_driver: %s\n", error.what());
    return 1;
  }
}
