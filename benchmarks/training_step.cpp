// What quantized weights add to a training step: the same network with float32 weights, LightNN-1 and
// LightNN-2 (stochastic rounding), a step of each in turn: forward, backward, fused Adam, clipping. Prints a
// Markdown table. usage: training_step_benchmark [THREADS]
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "benchmarks/interleaved.h"
#include <ATen/Parallel.h>
#include <torch/nn.h>

#include "kones/torch/nn/quantized_conv2d.h"
#include "kones/torch/nn/quantized_linear.h"
#include "kones/torch/train/fused_optimizer.h"

namespace {

using kones::NumberFormat;
using kones::benchmarks::Ratio;
using kones::benchmarks::Timing;
using kones::nn::WeightQuantizer;

constexpr int64_t batch = 100;

/// 784-4096-4096-4096-10 with batch norm and ReLU: 36.8 million weights (Courbariaux and others, 2016).
torch::nn::Sequential mnist_3hidden(const WeightQuantizer& quantizer) {
  torch::nn::Sequential network;
  int64_t inputs = 784;
  for (int layer = 0; layer < 3; ++layer) {
    network->push_back(kones::nn::QuantizedLinear(inputs, 4096, quantizer));
    network->push_back(torch::nn::BatchNorm1d(4096));
    network->push_back(torch::nn::ReLU());
    inputs = 4096;
  }
  network->push_back(kones::nn::QuantizedLinear(inputs, 10, quantizer));
  network->push_back(torch::nn::BatchNorm1d(10));
  return network;
}

/// Caffe's cifar10_full with batch norm: three 5x5 convolutions of 32, 32 and 64 channels.
torch::nn::Sequential cifar_3conv(const WeightQuantizer& quantizer) {
  torch::nn::Sequential network;
  int64_t inputs = 3;
  for (const int64_t outputs : {32, 32, 64}) {
    kones::nn::QuantizedConv2dOptions options{inputs, outputs, 5};
    options.padding = 2;
    network->push_back(kones::nn::QuantizedConv2d(options, quantizer));
    if (inputs == 3) {
      network->push_back(torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions(3).stride(2).padding(1)));
    } else {
      network->push_back(torch::nn::AvgPool2d(torch::nn::AvgPool2dOptions(3).stride(2).padding(1)));
    }
    network->push_back(torch::nn::BatchNorm2d(outputs));
    network->push_back(torch::nn::ReLU());
    inputs = outputs;
  }
  network->push_back(torch::nn::Flatten());
  network->push_back(kones::nn::QuantizedLinear(64 * 4 * 4, 10, quantizer));
  network->push_back(torch::nn::BatchNorm1d(10));
  return network;
}

/// A network in training, and what a step of it is.
class Trainee {
 public:
  Trainee(torch::nn::Sequential network, const at::Tensor& images, const at::Tensor& labels)
      : network_(std::move(network)),
        adam_({{network_->parameters()}}, {}),
        images_(images),
        labels_(labels) {
    network_->apply([this](torch::nn::Module& part) {
      if (auto* weight = part.as<kones::nn::QuantizedWeightImpl>()) {
        weight->set_training_rounding(kones::Rounding::stochastic, weights_.size());
        weights_.push_back(weight);
      }
    });
  }

  void step() {
    for (kones::nn::QuantizedWeightImpl* weight : weights_) weight->set_step(steps_);
    ++steps_;
    kones::nn::quantize_weights(*network_);
    const at::Tensor loss = torch::cross_entropy_loss(network_->forward(images_), labels_);
    adam_.zero_gradients();
    loss.backward();
    adam_.step(1e-3);
    kones::nn::clip_latent_weights(*network_);
  }

 private:
  torch::nn::Sequential network_;
  kones::FusedOptimizer adam_;
  at::Tensor images_;
  at::Tensor labels_;
  std::vector<kones::nn::QuantizedWeightImpl*> weights_;
  uint64_t steps_ = 0;
};

void compare(const char* name, const std::function<torch::nn::Sequential(const WeightQuantizer&)>& make,
             const at::Tensor& images) {
  const at::Tensor labels = at::randint(10, {batch}, at::kLong);
  const std::vector<std::pair<std::string, WeightQuantizer>> methods = {
      {"float32", {}}, {"lightnn-1", {NumberFormat::k_ones(1)}}, {"lightnn-2", {NumberFormat::k_ones(2)}}};
  std::vector<Trainee> trainees;
  for (const auto& [method, quantizer] : methods) trainees.emplace_back(make(quantizer), images, labels);
  std::vector<std::function<void()>> steps;
  for (Trainee& trainee : trainees) steps.emplace_back([&trainee] { trainee.step(); });
  const std::vector<Timing> timings = kones::benchmarks::interleave(steps, 9, 4, 1e-3);
  for (std::size_t i = 0; i < methods.size(); ++i) {
    const Ratio slower = kones::benchmarks::ratio(timings[0], timings[i]);
    std::printf("| %s | %s | %.1f | %.3f (%.3f .. %.3f) |\n", name, methods[i].first.c_str(),
                1e3 * timings[i].seconds, slower.median, slower.least, slower.most);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : at::get_num_threads();
  if (threads < 1 || argc > 2) {
    std::fprintf(stderr, "usage: %s [THREADS]\n", argv[0]);
    return 2;
  }
  at::set_num_threads(threads);
  at::manual_seed(1);
  std::printf(
      "batch %lld, %d thread(s)\n\n| network | weights | ms a step | of the float32 step (median, range) |\n",
      static_cast<long long>(batch), threads);
  std::printf("|---|---|---:|---:|\n");
  compare("mnist-3hidden", mnist_3hidden, at::randn({batch, 784}));
  compare("cifar-3conv", cifar_3conv, at::randn({batch, 3, 32, 32}));
  return 0;
}
