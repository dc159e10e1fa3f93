// For format_page_test.py: `random_packages write FOLDER SEED COUNT` writes packages of one random network
// each, with golden vectors whose labels are the engine's predictions; `random_packages judge FILE...` says,
// a line a file, whether kones reads it.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "package/random_network.h"

#include "kones/engine/engine.h"
#include "kones/error.h"
#include "kones/package/reader.h"
#include "kones/package/validate.h"
#include "kones/package/writer.h"

namespace kones::package {
namespace {

/// Chooses what RandomNetwork fills in.
class Choices {
 public:
  explicit Choices(uint32_t seed) : random_(seed) {}

  uint32_t below(uint32_t count) { return std::uniform_int_distribution<uint32_t>(0, count - 1)(random_); }
  uint32_t from_to(uint32_t low, uint32_t high) { return low + below(high - low + 1); }
  bool one_in(uint32_t count) { return below(count) == 0; }

  Conv2d conv(uint32_t channels) {
    Conv2d conv{{},
                from_to(1, 3),
                from_to(1, 3),
                from_to(1, 2),
                from_to(1, 2),
                from_to(0, 2),
                from_to(0, 2),
                from_to(1, 2),
                from_to(1, 2),
                1};
    if (one_in(3) && channels % 2 == 0) conv.groups = 2;
    return conv;
  }

  template <typename Pool>
  Pool pool(const Tensor& tensor) {
    Pool pool;
    pool.kernel_height = from_to(1, std::min(tensor.height, 4u));
    pool.kernel_width = from_to(1, std::min(tensor.width, 4u));
    pool.stride_height = from_to(1, 3);
    pool.stride_width = from_to(1, 3);
    pool.padding_height = from_to(0, pool.kernel_height / 2);
    pool.padding_width = from_to(0, pool.kernel_width / 2);
    pool.ceil_mode = one_in(2);
    return pool;
  }

  NumberFormat format() {
    const std::vector<NumberFormat> formats = stored_formats();
    // Half of stored_formats() is fixed point; the families take turns.
    const auto family = static_cast<FormatFamily>(below(5));
    std::vector<NumberFormat> of_family;
    for (const NumberFormat& format : formats) {
      if (format.family == family) of_family.push_back(format);
    }
    return of_family[below(static_cast<uint32_t>(of_family.size()))];
  }

 private:
  std::mt19937 random_;
};

/// What may follow the tensor that `network` would read next.
void add_layer(RandomNetwork& network, Choices& choices, std::vector<Tensor>& tensors) {
  const Tensor from = network.tensor();
  const bool is_sum = from.kind == TensorKind::integer && network.source() != 0;
  network.accumulator_bits(choices.one_in(2) ? 64 : 32);
  switch (choices.below(8)) {
    case 0:
      network.max_pool(choices.pool<MaxPool2d>(from));
      break;
    case 1:
      network.avg_pool(choices.pool<AvgPool2d>(from));
      break;
    case 2:
      network.threshold();
      break;
    case 3: {
      std::vector<uint32_t> same;
      for (std::size_t index = 0; index < tensors.size(); ++index) {
        const Tensor& other = tensors[index];
        if (other.channels == from.channels && other.height == from.height && other.width == from.width)
          same.push_back(static_cast<uint32_t>(index));
      }
      const uint32_t other = same[choices.below(static_cast<uint32_t>(same.size()))];
      network.add(other, static_cast<int>(choices.from_to(1, 16)), choices.one_in(2));
      break;
    }
    default:
      if (is_sum) {
        network.requantize(static_cast<int>(choices.from_to(1, 12)), choices.one_in(2));
      } else {
        const Conv2d conv = choices.conv(from.channels);
        network.conv(choices.format(), conv.groups * choices.from_to(1, 9), conv);
      }
  }
  tensors.push_back(network.tensor());
}

Network random_network(uint32_t seed, int golden_vectors) {
  Choices choices(seed);
  RandomNetwork random(choices.from_to(1, 4), choices.from_to(1, 7), choices.from_to(1, 7), seed);
  if (choices.one_in(2)) {
    random.input_map(static_cast<int32_t>(choices.below(9)) - 4,
                     static_cast<int32_t>(choices.below(600)) - 300,
                     static_cast<int32_t>(choices.from_to(1, 300)));
  }
  std::vector<Tensor> tensors{random.tensor()};
  for (uint32_t layers = choices.from_to(2, 9); layers > 0; --layers) {
    // Now and then a branch.
    if (choices.one_in(6)) random.from(choices.below(static_cast<uint32_t>(tensors.size())));
    add_layer(random, choices, tensors);
  }
  if (random.tensor().kind == TensorKind::integer) random.requantize(6, true);
  random.linear(choices.format(), choices.from_to(1, 18));
  if (choices.one_in(3)) random.threshold();
  Network network = random.build(golden_vectors);
  const engine::Engine engine(network, 1);
  for (GoldenVector& golden : network.golden) golden.label = engine.predict(golden.input.data(), 1)[0];
  return network;
}

void write_random_packages(const std::string& folder, uint32_t seed, int count, int golden_vectors) {
  for (int written = 0; written < count; ++seed) {
    const std::string name = std::to_string(10000 + written) + ".kones";
    try {
      write_package({"kones test", {random_network(seed, golden_vectors)}},
                    std::filesystem::path(folder) / name);
    } catch (const Error&) {
      // Windows that do not fit, sums that do not: the next one.
      continue;
    }
    ++written;
  }
}

void judge(const char* path) {
  try {
    read_package(path);
    std::puts("reads");
  } catch (const Error& error) {
    std::printf("refuses: %s\n", error.what());
  }
}

}  // namespace
}  // namespace kones::package

int main(int count, char** arguments) {
  const std::string command = count > 1 ? arguments[1] : "";
  if (command == "write" && count == 6) {
    kones::package::write_random_packages(arguments[2], static_cast<uint32_t>(std::stoul(arguments[3])),
                                          std::stoi(arguments[4]), std::stoi(arguments[5]));
  } else if (command == "judge") {
    for (int index = 2; index < count; ++index) kones::package::judge(arguments[index]);
  } else {
    std::fprintf(stderr,
                 "usage: random_packages write FOLDER SEED COUNT GOLDEN | random_packages judge FILE...\n");
    return 2;
  }
}
