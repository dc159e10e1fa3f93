#include "kones/torch/exporting/check.h"

#include <algorithm>
#include <chrono>

#include <torch/torch.h>

#include "kones/engine/engine.h"
#include "kones/error.h"
#include "kones/torch/exporting/evaluation_graph.h"

namespace kones {
namespace {

constexpr int64_t batch_size = 100;

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

}  // namespace

CheckReport check_package(const package::Network& network, const std::filesystem::path& run_folder,
                          const ImageSet& images, const ImageProgress& progress) {
  TrainedNetwork trained = load_trained_network(run_folder);
  const std::string& model = trained.network->topology().name;
  const std::string& method = trained.network->method().name;
  if (network.model != model || network.method != method) {
    throw Error("the package is of " + network.model + " with " + network.method + ", the run in " +
                run_folder.string() + " of " + model + " with " + method);
  }
  check_images(images, trained.network->topology());
  const EvaluationGraph graph(std::move(trained));
  const engine::Engine engine(network);
  CheckReport report;
  const int64_t picture_bytes = engine.input_bytes();
  std::vector<int32_t> predictions;
  for (int64_t first = 0; first < images.count; first += batch_size) {
    const int64_t count = std::min(batch_size, images.count - first);
    const uint8_t* bytes = images.pixels.data() + first * picture_bytes;
    const auto start = std::chrono::steady_clock::now();
    const std::vector<int32_t> predicted = engine.predict(bytes, count);
    report.evaluation.seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    predictions.insert(predictions.end(), predicted.begin(), predicted.end());
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
    if (progress) progress(first + count, images.count);
  }
  std::vector<int32_t> float_predictions;
  evaluate_run(run_folder, images, "cpu", {}, &float_predictions);
  for (int64_t i = 0; i < images.count; ++i) {
    const size_t at = static_cast<size_t>(i);
    report.evaluation.errors += predictions[at] != images.labels[at];
    report.mismatched_predictions += predictions[at] != float_predictions[at];
  }
  report.evaluation.images = images.count;
  return report;
}

}  // namespace kones
