// Where a step of training goes: batch and augmentation, quantizing, forward, backward, optimizer and
// clipping, for models and methods with the batch, precision, loss and augmentation of the recipe `best`
// (weights rounded to nearest, no moving average), on random pictures. Prints a Markdown table. usage:
// training_profile_benchmark [THREADS [MODEL,MODEL...]]
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "kones/torch/data/batch.h"
#include "kones/torch/models/network.h"
#include "kones/torch/train/fused_optimizer.h"
#include "kones/torch/train/loss.h"
#include "kones/torch/train/memory.h"
#include "kones/torch/train/recipe.h"

namespace {

using Clock = std::chrono::steady_clock;

enum Part { data, quantize, forward, backward, optimizer, clip, parts };
constexpr std::array<const char*, parts> part_names = {"batch",    "quantizing", "forward",
                                                       "backward", "optimizer",  "clipping"};

/// A stretch of about so long is timed, after one step that is not.
constexpr double seconds_timed = 3.0;

kones::ImageSet random_pictures(const kones::Topology& topology, int64_t count) {
  kones::ImageSet images;
  images.count = count;
  images.channels = static_cast<int>(topology.channels);
  images.height = static_cast<int>(topology.height);
  images.width = static_cast<int>(topology.width);
  images.classes = static_cast<int>(topology.classes());
  images.pixels.resize(static_cast<size_t>(count * topology.channels * topology.height * topology.width));
  for (size_t i = 0; i < images.pixels.size(); ++i)
    images.pixels[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  for (int64_t i = 0; i < count; ++i) images.labels.push_back(static_cast<uint8_t>(i % topology.classes()));
  return images;
}

class Profile {
 public:
  Profile(const kones::Topology& topology, const kones::Method& method)
      : recipe_(kones::make_recipe("best", topology, method)),
        images_(random_pictures(topology, 16 * recipe_.batch_size)),
        network_(topology, method),
        optimizer_(groups(), {}) {
    network_->train();
    network_->compute_in(recipe_.precision == "bfloat16" ? at::kBFloat16 : at::kFloat);
    augmentation_.shift = recipe_.shift;
    augmentation_.flip = recipe_.flip;
    augmentation_.rotation = recipe_.rotation;
    augmentation_.zoom = recipe_.zoom;
    augmentation_.edge = recipe_.border == "edge";
  }

  void print_row() {
    step();
    seconds_ = {};
    int64_t steps = 0;
    const Clock::time_point start = Clock::now();
    do {
      step();
      ++steps;
    } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds_timed);
    // The forward pass quantizes by itself; what is timed beside it is taken off it.
    seconds_[forward] -= seconds_[quantize];
    double sum = 0.0;
    for (const double seconds : seconds_) sum += seconds;
    std::printf("| %s | %s | %s | %d |", network_->topology().name.c_str(), network_->method().name.c_str(),
                recipe_.precision.c_str(), static_cast<int>(recipe_.batch_size));
    for (const double seconds : seconds_) std::printf(" %.1f |", 100.0 * seconds / sum);
    std::printf(" %.2f | %.0f |\n", 1e3 * sum / static_cast<double>(steps),
                static_cast<double>(steps * recipe_.batch_size) / sum);
    std::fflush(stdout);
  }

 private:
  std::vector<kones::ParameterGroup> groups() const {
    std::vector<kones::ParameterGroup> groups(1);
    for (const kones::Block& block : network_->blocks()) {
      groups[0].parameters.push_back(block.norm_weight());
      groups[0].parameters.push_back(block.norm_bias());
      groups.push_back({{block.weight()->latent}});
    }
    return groups;
  }

  template <typename Work>
  void time(Part part, Work work) {
    const Clock::time_point start = Clock::now();
    work();
    seconds_[part] += std::chrono::duration<double>(Clock::now() - start).count();
  }

  void step() {
    const int64_t size = recipe_.batch_size;
    const std::vector<int64_t> indices = kones::consecutive_indices(size * (step_ % 16), size);
    augmentation_.epoch = step_++;
    at::Tensor x;
    at::Tensor labels;
    at::Tensor loss;
    time(data, [&] {
      x = kones::make_batch(images_, indices.data(), size, augmentation_);
      labels = kones::make_labels(images_, indices.data(), size);
    });
    time(quantize, [&] { kones::nn::quantize_weights(*network_); });
    time(forward, [&] {
      loss = kones::compute_loss(recipe_.loss, network_->forward(x), labels, recipe_.label_smoothing);
    });
    optimizer_.zero_gradients();
    time(backward, [&] { loss.backward(); });
    time(optimizer, [&] { optimizer_.step(1e-3); });
    time(clip, [&] { kones::nn::clip_latent_weights(*network_); });
  }

  kones::Recipe recipe_;
  kones::ImageSet images_;
  kones::Network network_;
  kones::FusedOptimizer optimizer_;
  kones::Augmentation augmentation_;
  std::array<double, parts> seconds_ = {};
  uint64_t step_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  kones::keep_freed_memory();  // as kones train does
  const int threads = argc > 1 ? std::atoi(argv[1]) : at::get_num_threads();
  if (threads < 1 || argc > 3) {
    std::fprintf(stderr, "usage: training_profile_benchmark [THREADS [MODEL,...]]\n");
    return 2;
  }
  at::set_num_threads(threads);
  std::vector<std::string> models = {"mnist-1hidden", "mnist-2conv", "mnist-3hidden",
                                     "cifar-3conv",   "cifar-6conv", "cifar-6conv-pool3"};
  if (argc > 2) {
    models.clear();
    std::istringstream list(argv[2]);
    for (std::string name; std::getline(list, name, ',');) models.push_back(name);
  }
  std::printf("LibTorch %s, %d thread(s)\n\n| model | method | precision | batch |", TORCH_VERSION,
              at::get_num_threads());
  for (const char* name : part_names) std::printf(" %s, %% |", name);
  std::printf(" ms a step | pictures/s |\n|---|---|---|---:|");
  for (int column = 0; column < parts + 2; ++column) std::printf("---:|");
  std::printf("\n");
  for (const std::string& model : models) {
    for (const char* method : {"float", "lightnn-2", "lightnn-1-bin", "binaryconnect", "binarynet"})
      Profile(kones::find_topology(model), kones::find_method(method)).print_row();
  }
  return 0;
}
