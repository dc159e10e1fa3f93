#include "kones/engine/engine.h"

#include <algorithm>
#include <string>
#include <thread>

#include "kones/engine/reference.h"
#include "kones/engine/threads.h"
#include "kones/error.h"
#include "kones/package/validate.h"

namespace kones::engine {

Engine::Engine(const package::Network& network, int threads) : network_(network), threads_(threads) {
  package::validate(network_);
  if (threads_ < 0)
    throw Error("the engine was asked for " + std::to_string(threads_) + " threads; 0 takes all");
  if (threads_ == 0) threads_ = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int64_t Engine::input_bytes() const {
  return network_.tensors[network_.input.tensor].elements();
}

std::vector<int32_t> Engine::predict(const uint8_t* images, int64_t count) const {
  std::vector<int32_t> predictions;
  for (int64_t image = 0; image < count; ++image) {
    const Integers output = reference_integers(network_, images + image * input_bytes())[network_.output];
    predictions.push_back(
        static_cast<int32_t>(std::max_element(output.begin(), output.end()) - output.begin()));
  }
  return predictions;
}

std::vector<std::vector<int64_t>> Engine::all_integers(const uint8_t* images, int64_t count) const {
  std::vector<std::vector<int64_t>> all(network_.tensors.size());
  for (int64_t image = 0; image < count; ++image) {
    const std::vector<Integers> integers = reference_integers(network_, images + image * input_bytes());
    for (std::size_t index = 0; index < all.size(); ++index)
      all[index].insert(all[index].end(), integers[index].begin(), integers[index].end());
  }
  return all;
}

}  // namespace kones::engine
