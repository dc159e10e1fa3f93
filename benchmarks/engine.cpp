// A package's network in integers, by the engine, beside the same topology in float32 by LibTorch, in each of
// the ways that LibTorch has: batch norm folded into biases, layer by layer in either order of memory, and as
// TorchScript optimized for inference. Prints a Markdown table.
// usage: engine_benchmark [--threads N] [--batch N] FILE.kones...
#include "kones/engine/engine.h"

#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "benchmarks/interleaved.h"
#include <ATen/Parallel.h>
#include <CLI/CLI.hpp>
#include <torch/script.h>
#include <torch/torch.h>

#include "kones/error.h"
#include "kones/package/geometry.h"
#include "kones/package/reader.h"
#include "kones/torch/models/topology.h"

namespace {

std::string pair(int64_t value) {
  return "[" + std::to_string(value) + ", " + std::to_string(value) + "]";
}

/// The line of the source that pools, if there is one.
std::string pooling_of(const kones::Pooling& pool) {
  if (pool.kind == kones::Pooling::Kind::none) return {};
  const std::string window = pair(pool.kernel) + ", " + pair(pool.stride) + ", " + pair(pool.padding);
  const std::string ceil = pool.ceil_mode ? "True" : "False";
  return pool.kind == kones::Pooling::Kind::max
             ? "  x = torch.max_pool2d(x, " + window + ", [1, 1], " + ceil + ")\n"
             : "  x = torch.avg_pool2d(x, " + window + ", " + ceil + ", False)\n";
}

/// The topology as a TorchScript module: convolutions with biases, pooling, ReLU.
torch::jit::Module module_of(const kones::Topology& topology, at::MemoryFormat order) {
  torch::jit::Module module("network");
  std::string source = "def forward(self, x):\n";
  int64_t channels = topology.channels;
  int64_t height = topology.height;
  int64_t width = topology.width;
  for (std::size_t i = 0; i < topology.layers.size(); ++i) {
    const kones::LayerShape& layer = topology.layers[i];
    const std::string number = std::to_string(i);
    const std::string operands = "x, self.weight" + number + ", self.bias" + number;
    if (layer.input || layer.residual) throw kones::Error(topology.name + " is no chain of layers");
    if (layer.kind == kones::LayerShape::Kind::conv2d) {
      const int64_t fan_in = channels / layer.groups * layer.kernel * layer.kernel;
      module.register_parameter(
          "weight" + number,
          (at::randn({layer.outputs, channels / layer.groups, layer.kernel, layer.kernel}) *
           std::sqrt(2.0 / static_cast<double>(fan_in)))
              .contiguous(order),
          false);
      source += "  x = torch.conv2d(" + operands + ", " + pair(layer.stride) + ", " + pair(layer.padding) +
                ", " + pair(layer.dilation) + ", " + std::to_string(layer.groups) + ")\n" +
                pooling_of(layer.pooling);
      const auto extent = [&layer](int64_t size) {
        const kones::Pooling& pool = layer.pooling;
        const int64_t sums = kones::package::convolution_extent(size, layer.kernel, layer.stride,
                                                                layer.padding, layer.dilation);
        return kones::package::pooling_extent(sums, pool.kernel, pool.stride, pool.padding, pool.ceil_mode);
      };
      height = extent(height);
      width = extent(width);
    } else {
      const int64_t inputs = channels * height * width;
      module.register_parameter(
          "weight" + number,
          at::randn({inputs, layer.outputs}) * std::sqrt(2.0 / static_cast<double>(inputs)), false);
      if (channels != inputs) source += "  x = torch.flatten(x, 1)\n";
      source += "  x = torch.addmm(self.bias" + number + ", x, self.weight" + number + ")\n";
      height = width = 1;
    }
    module.register_parameter("bias" + number, at::randn({layer.outputs}), false);
    if (i + 1 < topology.layers.size()) source += "  x = torch.relu(x)\n";
    channels = layer.outputs;
  }
  module.define(source + "  return torch.argmax(x, 1)\n");
  module.eval();
  return module;
}

void measure(const std::string& file, int threads, int64_t batch) {
  const kones::package::Network network = kones::package::read_package(file).networks.front();
  const kones::Topology& topology = kones::find_topology(network.model);
  const kones::engine::Engine engine(network, threads);
  std::vector<uint8_t> images(batch * engine.input_bytes());
  std::mt19937 random(1);
  for (uint8_t& byte : images) byte = static_cast<uint8_t>(random());
  const at::Tensor x = at::randn({batch, topology.channels, topology.height, topology.width});
  const at::Tensor last = x.contiguous(at::MemoryFormat::ChannelsLast);
  torch::jit::Module module = module_of(topology, at::MemoryFormat::Contiguous);
  torch::jit::Module channels_last = module_of(topology, at::MemoryFormat::ChannelsLast);
  torch::jit::Module optimized = torch::jit::optimize_for_inference(module);
  const torch::NoGradGuard no_gradient;
  const auto timings =
      kones::benchmarks::interleave({[&] { engine.predict(images.data(), batch); },
                                     [&] { module.forward({x}); }, [&] { channels_last.forward({last}); },
                                     [&] { optimized.forward({x}); }, [&] { optimized.forward({last}); }},
                                    5, 5, 0.05);
  std::size_t best = 1;
  for (std::size_t peer = 2; peer < timings.size(); ++peer) {
    if (timings[peer].seconds < timings[best].seconds) best = peer;
  }
  const char* names[] = {"", "layers", "layers, channels last", "TorchScript", "TorchScript, channels last"};
  const kones::benchmarks::Ratio faster = kones::benchmarks::ratio(timings[0], timings[best]);
  const auto milliseconds = [](const kones::benchmarks::Timing& timing) { return 1e3 * timing.seconds; };
  std::printf("| %s | %s | %.3f | %.0f | %.3f | %.3f | %.3f | %.3f | %s | %.2f (%.2f to %.2f) |\n",
              network.model.c_str(), network.method.c_str(), milliseconds(timings[0]),
              static_cast<double>(batch) / timings[0].seconds, milliseconds(timings[1]),
              milliseconds(timings[2]), milliseconds(timings[3]), milliseconds(timings[4]), names[best],
              faster.median, faster.least, faster.most);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Packages in integers beside LibTorch in float32");
  int threads = at::get_num_threads();
  int64_t batch = 100;
  std::vector<std::string> files;
  app.add_option("--threads", threads, "Threads of both")->check(CLI::PositiveNumber);
  app.add_option("--batch", batch, "Pictures at a time")->check(CLI::PositiveNumber);
  app.add_option("files", files, "Packages, *.kones")->required();
  CLI11_PARSE(app, argc, argv);
  at::set_num_threads(threads);
  std::printf(
      "%d threads, %lld pictures at a time, the shortest of 5 rounds of 5 windows; ratios are medians of "
      "rounds\n\n"
      "| model | method | engine, ms | pictures/s | layers, ms | channels last, ms | TorchScript, ms | "
      "channels last, ms | best | engine faster by |\n|---|---|---|---|---|---|---|---|---|---|\n",
      threads, static_cast<long long>(batch));
  try {
    for (const std::string& file : files) measure(file, threads, batch);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
