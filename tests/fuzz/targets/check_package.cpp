#include "check_package.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>
#include <variant>
#include <vector>

#include "memory_bound.h"
#include "require.h"

#include "kones/engine/reference.h"
#include "kones/error.h"
#include "kones/package/describe.h"
#include "kones/package/reader.h"
#include "kones/package/validate.h"
#include "kones/package/writer.h"

namespace kones::fuzz {
namespace {

// Reading may hold so much: an error's text, and levels of 4 bytes where the file has codes of 1 bit.
constexpr std::size_t least_bytes = 1 << 15;
constexpr std::size_t bytes_per_byte = 64;

// And take so long: a few bytes may ask for billions of turns.
constexpr double least_seconds = 0.25;
constexpr double seconds_per_byte = 2e-5;

constexpr int64_t most_elements = 1 << 12;
constexpr int64_t most_products = 1 << 14;

/// Processor time of this thread: other work of the machine does not count.
double seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Ends the process where what it lives through takes longer than in proportion to `bytes`.
class TimeBound {
 public:
  explicit TimeBound(std::size_t bytes) : end_(seconds_now() + least_seconds + seconds_per_byte * bytes) {}
  ~TimeBound() { require(seconds_now() <= end_, "it takes longer than the input's size allows"); }
  TimeBound(const TimeBound&) = delete;
  TimeBound& operator=(const TimeBound&) = delete;

 private:
  double end_;
};

/// Products and comparisons of a layer, roughly.
int64_t cost_of(const package::Network& network, const package::Layer& layer) {
  const int64_t outputs = network.tensors[layer.output].elements();
  if (const package::Weights* weights = package::weights_of(layer.operation))
    return outputs * weights->inputs;
  if (const auto* pool = std::get_if<package::MaxPool2d>(&layer.operation))
    return outputs * pool->kernel_height * pool->kernel_width;
  if (const auto* pool = std::get_if<package::AvgPool2d>(&layer.operation))
    return outputs * pool->kernel_height * pool->kernel_width;
  return outputs;
}

bool is_quick(const package::Network& network) {
  int64_t elements = 0;
  for (const package::Tensor& tensor : network.tensors) {
    elements += tensor.elements();
    if (elements > most_elements) return false;
  }
  int64_t products = 0;
  for (const package::Layer& layer : network.layers) {
    products += cost_of(network, layer);
    if (products > most_products) return false;
  }
  return true;
}

/// Whether the bits that the tensor has hold the integer, whatever validate() says of it.
bool fits(const package::Tensor& tensor, int64_t value) {
  if (tensor.kind == package::TensorKind::sign) return value == -1 || value == 1;
  if (tensor.is_wide()) return std::abs(value) < int64_t{1} << 53;
  const int64_t end = int64_t{1} << (tensor.is_signed ? tensor.bits - 1 : tensor.bits);
  return value < end && value >= (tensor.is_signed ? -end : 0);
}

void check_integers(const package::Network& network, const std::vector<uint8_t>& image) {
  const std::vector<package::IntegerRange> ranges = package::validate(network);
  const std::vector<engine::Integers> integers = engine::reference_integers(network, image.data());
  require(integers.size() == network.tensors.size(), "a tensor is not computed");
  for (std::size_t tensor = 0; tensor < integers.size(); ++tensor) {
    require(integers[tensor].size() == static_cast<uint64_t>(network.tensors[tensor].elements()),
            "tensor " + std::to_string(tensor) + " has another size than it says");
    for (const int64_t value : integers[tensor]) {
      require(value >= ranges[tensor].minimum && value <= ranges[tensor].maximum,
              "tensor " + std::to_string(tensor) + " holds " + std::to_string(value) + ", out of its range");
      require(fits(network.tensors[tensor], value), "tensor " + std::to_string(tensor) + " holds " +
                                                        std::to_string(value) + ", more than its bits do");
    }
  }
}

/// Pictures of the smallest bytes, of the largest, and of many.
void compute(const package::Network& network) {
  std::vector<uint8_t> image(network.tensors[network.input.tensor].elements(), 0);
  check_integers(network, image);
  std::fill(image.begin(), image.end(), uint8_t{255});
  check_integers(network, image);
  for (std::size_t index = 0; index < image.size(); ++index) image[index] = static_cast<uint8_t>(index * 101);
  check_integers(network, image);
}

}  // namespace

void check_package(std::string_view file) {
  package::Package package;
  try {
    const MemoryBound memory(least_bytes + bytes_per_byte * file.size());
    const TimeBound time(file.size());
    package = package::parse_package(file, "input");
  } catch (const Error& error) {
    const std::string_view message = error.what();
    require(message.find('\n') == std::string_view::npos, "the message has several lines");
    return;
  }
  package::validate(package);
  const std::string written = package::serialize(package);
  require(package::serialize(package::parse_package(written, "the package written again")) == written,
          "what is written reads as something else");
  require(!package::describe(package).empty(), "nothing is said of the package");
  require(!package::describe_json(package).empty(), "nothing is said of the package in JSON");
  for (const package::Network& network : package.networks) {
    if (is_quick(network)) compute(network);
  }
}

}  // namespace kones::fuzz
