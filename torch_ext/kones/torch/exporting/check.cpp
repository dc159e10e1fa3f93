#include "kones/torch/exporting/check.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include <torch/torch.h>

#include "kones/engine/engine.h"
#include "kones/error.h"
#include "kones/torch/data/batch.h"
#include "kones/torch/exporting/evaluation_graph.h"
#include "kones/torch/exporting/own_signs.h"

namespace kones {
namespace {

/// Pictures that are compared at a time, whose integers take some hundred megabytes at most.
int64_t batch_size(const package::Network& network) {
  constexpr int64_t most_integers = int64_t{1} << 23;
  int64_t integers = 0;
  for (const package::Tensor& tensor : network.tensors) integers += tensor.elements();
  return std::clamp<int64_t>(most_integers / integers, 1, 100);
}

std::string describe_place(const package::Tensor& tensor, int64_t image, int64_t element, int64_t engine,
                           int64_t graph) {
  return tensor.name + ", picture " + std::to_string(image) + ", element " + std::to_string(element) + ": " +
         std::to_string(engine) + " in the package, " + std::to_string(graph) + " from the checkpoint";
}

/// Compares one tensor's integers over a batch that begins at picture `first`.
void compare(const package::Tensor& tensor, const std::vector<int64_t>& engine, const at::Tensor& graph,
             int64_t first, CheckReport& report) {
  const int64_t elements = tensor.elements();
  if (graph.numel() != static_cast<int64_t>(engine.size())) {
    throw Error("the package's tensor " + tensor.name + " has another shape than the run's");
  }
  const at::Tensor expected = graph.contiguous();
  const int64_t* values = expected.data_ptr<int64_t>();
  for (int64_t i = 0; i < expected.numel(); ++i) {
    if (values[i] == engine[static_cast<size_t>(i)]) continue;
    if (report.mismatched_values == 0) {
      report.first_mismatch = describe_place(tensor, first + i / elements, i % elements,
                                             engine[static_cast<size_t>(i)], values[i]);
    }
    ++report.mismatched_values;
  }
  report.compared_values += expected.numel();
}

/// The trained network itself: its classes and hidden signs.
class OwnNetwork {
 public:
  using Signs = std::map<std::string, at::Tensor>;
  struct Outputs {
    at::Tensor classes;  ///< int64, by float32
    Signs rounded;       ///< by float32
    Signs signs;         ///< by float64
  };

  explicit OwnNetwork(const TrainedNetwork& trained) : network_(trained.network) {
    if (network_->method().activation == nn::ActivationKind::sign) exact_.emplace(trained);
  }

  /// Of the same pictures as bytes, and as the network takes them.
  Outputs outputs(const at::Tensor& pictures, const at::Tensor& x) const {
    const torch::NoGradGuard no_gradient;
    Outputs result;
    Network network = network_;
    network->eval();
    const at::Tensor y =
        network->observed_forward(x, [&result](const Block& block, const at::Tensor& output) {
          if (!block.activation.is_empty() && block.activation->kind() == nn::ActivationKind::sign)
            result.rounded[block.name] = output;
        });
    result.classes = y.argmax(1);
    if (exact_) result.signs = exact_->signs(pictures);
    return result;
  }

 private:
  Network network_;
  std::optional<OwnSigns> exact_;
};

/// Compares a batch's hidden signs with the trained network's own.
void compare_signs(const package::Network& network, const std::vector<std::vector<int64_t>>& integers,
                   const OwnNetwork::Outputs& outputs, CheckReport& report) {
  for (size_t t = 0; t < network.tensors.size(); ++t) {
    const package::Tensor& tensor = network.tensors[t];
    if (tensor.kind != package::TensorKind::sign) continue;
    const std::string block = tensor.name.substr(0, tensor.name.find('.'));
    const at::Tensor signs = torch::tensor(integers[t], torch::kInt64);
    const auto differences = [&](const OwnNetwork::Signs& own) {
      return signs.ne(own.at(block).contiguous().flatten().to(torch::kInt64)).sum().item<int64_t>();
    };
    report.compared_signs += signs.numel();
    report.mismatched_signs += differences(outputs.signs);
    report.rounded_signs += differences(outputs.rounded);
  }
}

}  // namespace

ActivationChoices choices_of(const package::Network& network) {
  ActivationChoices choices;
  for (const package::Tensor& tensor : network.tensors) {
    if (tensor.kind == package::TensorKind::fixed_point)
      choices[tensor.name] = {tensor.bits, tensor.fraction_bits};
  }
  return choices;
}

CheckReport check_network(const package::Network& network, const TrainedNetwork& trained,
                          const ImageSet& images, const ImageProgress& progress) {
  check_images(images, trained.network->topology());
  const EvaluationGraph graph(trained, choices_of(network));
  const engine::Engine engine(network);
  const OwnNetwork own(trained);
  CheckReport report;
  const int64_t picture_bytes = engine.input_bytes();
  const int64_t batch = batch_size(network);
  for (int64_t first = 0; first < images.count; first += batch) {
    const int64_t count = std::min(batch, images.count - first);
    const uint8_t* bytes = images.pixels.data() + first * picture_bytes;
    const auto start = std::chrono::steady_clock::now();
    const std::vector<int32_t> predicted = engine.predict(bytes, count);
    report.evaluation.seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::vector<std::vector<int64_t>> integers = engine.all_integers(bytes, count);
    const at::Tensor pictures = torch::from_blob(
        const_cast<uint8_t*>(bytes), {count, images.channels, images.height, images.width}, torch::kUInt8);
    const std::map<std::string, at::Tensor> expected = graph.integers(pictures);
    for (size_t t = 0; t < network.tensors.size(); ++t) {
      const auto found = expected.find(network.tensors[t].name);
      if (found == expected.end())
        throw Error("the run has no tensor " + network.tensors[t].name + " as the package has");
      compare(network.tensors[t], integers[t], found->second, first, report);
    }
    if (expected.size() != network.tensors.size()) throw Error("the package lacks tensors that the run has");
    const std::vector<int64_t> indices = consecutive_indices(first, count);
    const OwnNetwork::Outputs outputs = own.outputs(pictures, make_batch(images, indices.data(), count));
    compare_signs(network, integers, outputs, report);
    for (int64_t i = 0; i < count; ++i) {
      const size_t at = static_cast<size_t>(i);
      report.evaluation.errors += predicted[at] != images.labels[static_cast<size_t>(first + i)];
      report.mismatched_predictions += predicted[at] != outputs.classes[i].item<int64_t>();
    }
    if (progress) progress(first + count, images.count);
  }
  report.evaluation.images = images.count;
  return report;
}

CheckReport check_package(const package::Network& network, const std::filesystem::path& run_folder,
                          const ImageSet& images, const ImageProgress& progress) {
  const TrainedNetwork trained = load_trained_network(run_folder);
  const std::string& model = trained.network->topology().name;
  const std::string& method = trained.network->method().name;
  if (network.model != model || network.method != method) {
    throw Error("the package is of " + network.model + " with " + network.method + ", the run in " +
                run_folder.string() + " of " + model + " with " + method);
  }
  return check_network(network, trained, images, progress);
}

}  // namespace kones
