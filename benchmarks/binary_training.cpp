// A training step of cifar-6conv with float32 weights and ReLU, and as BinaryNet with its layers' kernel
// chosen by the clock, and each one forced: milliseconds, and what the forward pass keeps for the gradient.
// Prints Markdown tables. usage: binary_training_benchmark [THREADS [BATCH [MODEL]]]
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "benchmarks/interleaved.h"
#include "benchmarks/saved_memory.h"
#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "kones/torch/models/network.h"
#include "kones/torch/nn/binary_kernel.h"
#include "kones/torch/train/fused_optimizer.h"

namespace {

using kones::nn::BinaryKernel;

/// A network in training, and what a step of it is.
class Trainee {
 public:
  Trainee(const std::string& model, const std::string& method, BinaryKernel kernel, const at::Tensor& images,
          const at::Tensor& labels)
      : network_(kones::find_topology(model), kones::find_method(method)),
        adam_({{network_->parameters()}}, {}),
        kernel_(kernel),
        images_(images),
        labels_(labels) {}

  at::Tensor loss() {
    kones::nn::set_binary_kernel(kernel_);
    return torch::cross_entropy_loss(network_->forward(images_), labels_);
  }

  void step() {
    const at::Tensor value = loss();
    adam_.zero_gradients();
    value.backward();
    adam_.step(1e-4);
    kones::nn::clip_latent_weights(*network_);
  }

 private:
  kones::Network network_;
  kones::FusedOptimizer adam_;
  BinaryKernel kernel_;
  at::Tensor images_;
  at::Tensor labels_;
};

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : at::get_num_threads();
  const int64_t batch = argc > 2 ? std::atoll(argv[2]) : 50;
  const std::string model = argc > 3 ? argv[3] : "cifar-6conv-pool3";
  if (threads < 1 || batch < 1 || argc > 4) {
    std::fprintf(stderr, "usage: %s [THREADS [BATCH [MODEL]]]\n", argv[0]);
    return 2;
  }
#if defined(__GLIBC__)
  // As the program kones does: memory that is given back stays.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
  at::set_num_threads(threads);
  at::manual_seed(1);
  const kones::Topology& topology = kones::find_topology(model);
  const at::Tensor images = at::randn({batch, topology.channels, topology.height, topology.width});
  const at::Tensor labels = at::randint(topology.classes(), {batch}, at::kLong);

  struct Row {
    std::string name;
    Trainee trainee;
  };
  std::vector<Row> rows;
  const at::Tensor images_last = images.contiguous(at::MemoryFormat::ChannelsLast);
  rows.push_back(
      {"float, channels last", Trainee(model, "float", BinaryKernel::automatic, images_last, labels)});
  rows.push_back({"float, contiguous", Trainee(model, "float", BinaryKernel::automatic, images, labels)});
  rows.push_back({"binarynet, kernels by the clock",
                  Trainee(model, "binarynet", BinaryKernel::automatic, images, labels)});
  rows.push_back({"binarynet, packed", Trainee(model, "binarynet", BinaryKernel::packed, images, labels)});
  rows.push_back(
      {"binarynet, LibTorch", Trainee(model, "binarynet", BinaryKernel::libtorch, images, labels)});

  std::vector<std::function<void()>> steps;
  std::vector<int64_t> saved;
  for (Row& row : rows) {
    row.trainee.step();  // so that what stays between steps is there
    saved.push_back(kones::benchmarks::saved_bytes([&row] { return row.trainee.loss(); }));
    steps.emplace_back([&row] { row.trainee.step(); });
  }
  std::printf(
      "%s, batch %lld, %d thread(s)\n\n| shape | packed, ms | LibTorch, ms | taken |\n|---|---:|---:|---|\n",
      model.c_str(), static_cast<long long>(batch), threads);
  for (const kones::nn::BinaryKernelChoice& choice : kones::nn::take_binary_kernel_choices()) {
    std::printf("| %s | %.2f | %.2f | %s |\n", choice.shape.c_str(), 1e3 * choice.packed_seconds,
                1e3 * choice.libtorch_seconds, choice.packed ? "packed" : "LibTorch");
  }
  const auto timings = kones::benchmarks::interleave(steps, 5, 2, 1e-3);
  std::printf(
      "\n| network | ms a step | of the first row's (median, range) | kept for the gradient, MB | of float "
      "|\n");
  std::printf("|---|---:|---:|---:|---:|\n");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const kones::benchmarks::Ratio slower = kones::benchmarks::ratio(timings[0], timings[i]);
    std::printf("| %s | %.0f | %.3f (%.3f .. %.3f) | %.2f | 1/%.1f |\n", rows[i].name.c_str(),
                1e3 * timings[i].seconds, slower.median, slower.least, slower.most,
                1e-6 * static_cast<double>(saved[i]),
                static_cast<double>(saved[0]) / static_cast<double>(saved[i]));
  }
  return 0;
}
