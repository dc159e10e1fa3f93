#include "kones/engine/engine.h"

#include <algorithm>
#include <functional>
#include <string>
#include <thread>

#include "kones/engine/plan.h"
#include "kones/engine/threads.h"
#include "kones/engine/workspace.h"
#include "kones/error.h"

namespace kones::engine {
namespace {

/// The most images that a thread computes at a time: enough that reading the weights of a linear layer is
/// little beside multiplying them.
constexpr int64_t most_images_at_once = 32;

/// Computes `count` images on the threads, and gives each one's tensors to `store`.
void run_images(const Plan& plan, Workspace::Keep keep, int threads, const uint8_t* images, int64_t count,
                const std::function<void(int64_t image, const Workspace& workspace, int64_t place)>& store) {
  if (count == 0) return;
  const int64_t image_bytes = plan.tensors[plan.input.tensor].form.elements();
  // Batches of one size, as many for each thread.
  const int64_t share = (count + threads - 1) / threads;
  const int64_t batches = (share + most_images_at_once - 1) / most_images_at_once;
  const int64_t batch = keep == Workspace::Keep::all ? 1 : (share + batches - 1) / batches;
  ChunkQueue queue(count, batch);
  run_on_threads(static_cast<int>(std::min<int64_t>(threads, (count + batch - 1) / batch)), [&] {
    Workspace workspace(plan, batch, keep);
    int64_t begin = 0;
    int64_t end = 0;
    while (queue.take(begin, end)) {
      workspace.compute(images + begin * image_bytes, end - begin);
      for (int64_t image = begin; image < end; ++image) store(image, workspace, image - begin);
    }
  });
}

}  // namespace

Engine::Engine(const package::Network& network, int threads)
    : plan_(std::make_unique<const Plan>(network)), threads_(threads) {
  if (threads_ < 0)
    throw Error("the engine was asked for " + std::to_string(threads_) + " threads; 0 takes all");
  if (threads_ == 0) threads_ = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

int64_t Engine::input_bytes() const {
  return plan_->tensors[plan_->input.tensor].form.elements();
}

std::vector<int32_t> Engine::predict(const uint8_t* images, int64_t count) const {
  std::vector<int32_t> predictions(count);
  run_images(*plan_, Workspace::Keep::output, threads_, images, count,
             [&](int64_t image, const Workspace& workspace, int64_t place) {
               std::vector<int64_t> output(plan_->tensors[plan_->output].form.elements());
               workspace.read(plan_->output, place, output.data());
               predictions[image] =
                   static_cast<int32_t>(std::max_element(output.begin(), output.end()) - output.begin());
             });
  return predictions;
}

std::vector<std::vector<int64_t>> Engine::all_integers(const uint8_t* images, int64_t count) const {
  std::vector<std::vector<int64_t>> integers(plan_->tensors.size());
  for (std::size_t index = 0; index < integers.size(); ++index)
    integers[index].resize(count * plan_->tensors[index].form.elements());
  run_images(*plan_, Workspace::Keep::all, threads_, images, count,
             [&](int64_t image, const Workspace& workspace, int64_t place) {
               for (std::size_t index = 0; index < integers.size(); ++index) {
                 const int64_t elements = plan_->tensors[index].form.elements();
                 workspace.read(static_cast<uint32_t>(index), place,
                                integers[index].data() + image * elements);
               }
             });
  return integers;
}

}  // namespace kones::engine
