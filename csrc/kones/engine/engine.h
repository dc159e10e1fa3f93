// Integer inference of a package's network: the same integers as reference.h, fast. It needs the package and
// nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kones/package/package.h"

namespace kones::engine {

class Engine {
 public:
  /// Checks the network (package::validate) and puts its weights into the kernels' order; it is not needed
  /// afterwards. `threads` = 0 takes all that the machine has. Throws Error.
  explicit Engine(const package::Network& network, int threads = 0);
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  /// Bytes of one image: channels * height * width of the input tensor.
  int64_t input_bytes() const;

  /// The predicted class of each image: the output tensor's channel with the largest integer, the first on a
  /// tie. `images`: [count][channels][height][width], the data set's bytes. Each thread's memory is bounded
  /// by the largest layers: one image's tensors of two neighbours, and a few images' between parts of the
  /// network.
  std::vector<int32_t> predict(const uint8_t* images, int64_t count) const;

  /// Every integer of every tensor: one vector per tensor of the network, [count][channels][height][width].
  std::vector<std::vector<int64_t>> all_integers(const uint8_t* images, int64_t count) const;

 private:
  std::unique_ptr<const struct Plan> plan_;
  int threads_;
};

}  // namespace kones::engine
