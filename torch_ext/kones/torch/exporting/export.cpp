#include "kones/torch/exporting/export.h"

#include <torch/torch.h>

#include "kones/engine/engine.h"
#include "kones/error.h"
#include "kones/torch/exporting/choose_formats.h"
#include "kones/torch/exporting/network_writer.h"
#include "kones/torch/train/run_config.h"
#include "kones/torch/train/trained_network.h"
#include "kones/version.h"

namespace kones {
namespace {

void add_golden_vectors(const TrainedNetwork& trained, package::Network& network) {
  const engine::Engine engine(network);
  const at::Tensor images = trained.golden_images.contiguous();
  for (int64_t i = 0; i < images.size(0); ++i) {
    const at::Tensor image = images[i].contiguous();
    const uint8_t* bytes = image.data_ptr<uint8_t>();
    package::GoldenVector golden;
    golden.input.assign(bytes, bytes + image.numel());
    golden.label = static_cast<int32_t>(trained.golden_labels[i].item<int64_t>());
    golden.tensors = engine.all_integers(bytes, 1);
    network.golden.push_back(std::move(golden));
  }
}

}  // namespace

package::Network export_network(const TrainedNetwork& trained, const ExportOptions& options) {
  torch::NoGradGuard no_gradient;
  package::Network network;
  network.model = trained.network->topology().name;
  network.method = trained.network->method().name;
  network.class_names = trained.class_names;
  NetworkWriter writer(trained.network->topology(), network);
  const std::vector<Block>& blocks = trained.network->blocks();
  const std::vector<std::optional<ActivationFormat>> formats = choose_formats(trained, options);
  for (size_t i = 0; i < blocks.size(); ++i) writer.add_block(blocks[i], formats[i]);
  writer.finish();
  add_golden_vectors(trained, network);
  return network;
}

package::Package export_package(const std::filesystem::path& run_folder, const ExportOptions& options) {
  const RunConfig config = read_config({run_folder});
  package::Network network = export_network(load_trained_network(run_folder), options);
  network.name = config.model + "-" + config.method;
  // The folder that the pictures lay in is this machine's own affair.
  network.dataset = config.dataset.substr(0, config.dataset.find(':'));
  return {std::string("kones ") + version, {std::move(network)}};
}

}  // namespace kones
