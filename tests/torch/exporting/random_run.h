// Trained networks with random weights and batch norms, in memory and in run folders.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "torch/train/small_network.h"
#include "torch/train/temporary_folder.h"
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "kones/error.h"
#include "kones/package/package.h"
#include "kones/torch/data/batch.h"
#include "kones/torch/train/batch_norm.h"
#include "kones/torch/train/evaluation.h"
#include "kones/torch/train/run_config.h"
#include "kones/torch/train/trained_network.h"

namespace kones {

/// Scales of both signs and exactly 0 with shifts of both signs, on statistics that fit the weights.
inline void randomize(Network& network, const ImageSet& images) {
  c10::NoGradGuard no_gradient;
  for (const Block& block : network->blocks()) {
    const bool binary = network->method().weights.name() == "binary";
    block.weight()->latent.normal_(0.0, binary ? 1.0 : 0.3);
  }
  recalibrate_batch_norm(network, images, consecutive_indices(0, images.count));
  for (const Block& block : network->blocks()) {
    at::Tensor gamma = block.norm_weight();
    at::Tensor beta = block.norm_bias();
    gamma.normal_();
    beta.normal_();
    gamma[0] = 0.0;
    beta[0] = 0.75;
    gamma[1] = -0.0;
    beta[1] = -0.75;
    gamma[2] = 0.0;
    beta[2] = 0.0;
    gamma[3] = 1.5;
    gamma[4] = -1.5;
    gamma[5] = 1e-12;  // a slope that only the smallest multipliers reach
  }
}

/// A network with random weights and batch norms.
inline TrainedNetwork random_network(const Topology& topology, const std::string& method,
                                     const ImageSet& images, uint64_t seed, int activation_bits = 0) {
  at::manual_seed(seed);
  TrainedNetwork trained;
  trained.network = Network(topology, find_method(method), activation_bits);
  randomize(trained.network, images);
  trained.network->eval();
  trained.epoch = 1;
  const NetworkEvaluation evaluation =
      evaluate_network(trained.network, images, consecutive_indices(0, images.count), {}, true);
  trained.largest = evaluation.largest;
  trained.histograms = evaluation.histograms;
  trained.largest[0] *= 0.7;  // so that some activations saturate
  trained.golden_images =
      at::randint(0, 256, {2, topology.channels, topology.height, topology.width}).to(at::kByte);
  trained.golden_labels = at::tensor({4, 2}, at::kLong);
  return trained;
}

/// A finished run of a network with random weights and batch norms, in a folder.
struct RandomRun {
  RandomRun(const std::string& model, const std::string& method, uint64_t seed) {
    const Topology& topology = find_topology(model);
    images = random_images(model == "mnist-1hidden" ? 40 : 12, topology, seed);
    trained = random_network(topology, method, images, seed);
    trained.class_names = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    RunConfig config;
    config.model = model;
    config.method = method;
    config.dataset = "mnist:/a/folder";
    std::ofstream(folder / "config.json") << config_to_text(config);
    save_trained_network(trained, folder / "best.pt");
  }

  TemporaryFolder folder;
  ImageSet images;
  TrainedNetwork trained;
};

inline std::vector<std::string> quantized_methods() {
  std::vector<std::string> names;
  for (const Method& method : methods()) {
    if (method.weights.format) names.push_back(method.name);
  }
  return names;
}

inline package::Operation& operation_of(package::Network& network, const std::string& layer) {
  for (package::Layer& candidate : network.layers) {
    if (candidate.name == layer) return candidate.operation;
  }
  throw Error("no layer " + layer);
}

}  // namespace kones
