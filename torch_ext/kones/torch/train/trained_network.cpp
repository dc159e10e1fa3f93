#include "kones/torch/train/trained_network.h"

#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "kones/error.h"
#include "kones/torch/train/checkpoint.h"
#include "kones/torch/train/histogram.h"
#include "kones/torch/train/run_config.h"

namespace kones {

void save_trained_network(const TrainedNetwork& trained, const std::filesystem::path& path) {
  Checkpoint checkpoint;
  store_network(trained.network, checkpoint);
  checkpoint.state =
      nlohmann::json{
          {"epoch", trained.epoch}, {"largest", trained.largest}, {"class_names", trained.class_names}}
          .dump();
  if (trained.histograms.defined()) checkpoint.tensors["histograms"] = trained.histograms;
  checkpoint.tensors["golden/images"] = trained.golden_images;
  checkpoint.tensors["golden/labels"] = trained.golden_labels;
  save_checkpoint(checkpoint, path);
}

TrainedNetwork load_trained_network(const std::filesystem::path& folder) {
  const RunFolder run{folder};
  const RunConfig config = read_config(run);
  if (!std::filesystem::exists(run.best())) {
    throw Error(folder.string() + " has no best.pt yet: no epoch has ended; go on with kones train --resume");
  }
  const Checkpoint checkpoint = load_checkpoint(run.best());
  Topology topology;
  Method method;
  try {
    topology = find_topology(config.model);
    method = find_method(config.method);
  } catch (const UsageError& error) {
    throw Error(run.config().string() + ": " + error.what());
  }
  if (checkpoint.method != config.method) {
    throw Error(run.best().string() + " was trained with the method " + checkpoint.method + ", not " +
                config.method);
  }
  TrainedNetwork trained;
  try {
    const nlohmann::json state = nlohmann::json::parse(checkpoint.state);
    state.at("epoch").get_to(trained.epoch);
    state.at("largest").get_to(trained.largest);
    state.at("class_names").get_to(trained.class_names);
    trained.golden_images = checkpoint.tensors.at("golden/images");
    trained.golden_labels = checkpoint.tensors.at("golden/labels");
    const at::Tensor& images = trained.golden_images;
    if (images.dim() != 4) throw Error("its golden pictures are none");
    topology = fit_topology(std::move(topology), images.size(1), images.size(2), images.size(3),
                            static_cast<int64_t>(trained.class_names.size()));
  } catch (const std::exception& error) {
    throw Error(run.best().string() + " is damaged: " + error.what());
  }
  trained.network = Network(topology, method, static_cast<int>(config.recipe.activation_bits));
  restore_network(checkpoint, run.best(), trained.network);
  trained.network->eval();
  const auto histograms = checkpoint.tensors.find("histograms");
  if (histograms != checkpoint.tensors.end()) trained.histograms = histograms->second;
  const at::Tensor& images = trained.golden_images;
  if (trained.largest.size() != topology.layers.size() || images.scalar_type() != at::kByte ||
      images.size(1) != topology.channels || images.size(2) != topology.height ||
      images.size(3) != topology.width ||
      (trained.histograms.defined() && !are_histograms(trained.histograms, topology.layers.size())) ||
      trained.golden_labels.scalar_type() != at::kLong || trained.golden_labels.dim() != 1 ||
      trained.golden_labels.size(0) != images.size(0)) {
    throw Error(run.best().string() + " is damaged: its golden pictures or ranges do not fit its model");
  }
  return trained;
}

}  // namespace kones
