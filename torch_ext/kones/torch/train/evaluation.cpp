#include "kones/torch/train/evaluation.h"

#include <algorithm>
#include <chrono>

#include <torch/torch.h>

#include "kones/error.h"
#include "kones/torch/data/batch.h"
#include "kones/torch/train/histogram.h"
#include "kones/torch/train/trained_network.h"

namespace kones {

NetworkEvaluation evaluate_network(Network& network, const ImageSet& images,
                                   const std::vector<int64_t>& indices, const ImageProgress& progress,
                                   bool with_histograms) {
  const auto start = std::chrono::steady_clock::now();
  const bool was_training = network->is_training();
  torch::NoGradGuard no_gradient;
  network->eval();
  const c10::Device device = network->parameters().front().device();
  const int64_t count = static_cast<int64_t>(indices.size());
  NetworkEvaluation result;
  result.largest.assign(network->blocks().size(), 0.0);
  if (with_histograms) {
    result.histograms =
        torch::zeros({static_cast<int64_t>(network->blocks().size()), histogram_bins}, torch::kInt64);
  }
  for (int64_t first = 0; first < count; first += evaluation_batch) {
    const int64_t size = std::min(evaluation_batch, count - first);
    const at::Tensor x = make_batch(images, indices.data() + first, size, {}).to(device);
    size_t block = 0;
    const at::Tensor outputs = network->observed_forward(x, [&](const Block& of, const at::Tensor& y) {
      result.largest[block] = std::max(result.largest[block], y.abs().max().item<double>());
      const bool is_relu = !of.activation.is_empty() && of.activation->kind() == nn::ActivationKind::relu;
      if (with_histograms && is_relu) result.histograms[static_cast<int64_t>(block)] += histogram_of(y);
      ++block;
    });
    const at::Tensor classes = outputs.argmax(1).to(torch::kCPU, torch::kInt32).contiguous();
    const int32_t* predicted = classes.data_ptr<int32_t>();
    for (int64_t i = 0; i < size; ++i) {
      const int64_t image = indices[static_cast<size_t>(first + i)];
      result.evaluation.errors += predicted[i] != images.labels[static_cast<size_t>(image)];
      result.predictions.push_back(predicted[i]);
    }
    result.evaluation.images += size;
    if (progress) progress(first + size, count);
  }
  network->train(was_training);
  result.evaluation.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

c10::Device find_device(const std::string& name) {
  if (name == "cpu") return torch::kCPU;
  if (name != "cuda") throw UsageError("there is no device \"" + name + "\"; there is cpu, cuda");
  if (!torch::cuda::is_available())
    throw Error("there is no CUDA device on this machine; --device cpu works");
  return torch::kCUDA;
}

Evaluation evaluate_run(const std::filesystem::path& run_folder, const ImageSet& images,
                        const std::string& device, const ImageProgress& progress,
                        std::vector<int32_t>* predictions) {
  Network network = load_trained_network(run_folder).network;
  check_images(images, network->topology());
  network->to(find_device(device));
  NetworkEvaluation result =
      evaluate_network(network, images, consecutive_indices(0, images.count), progress);
  if (predictions != nullptr) *predictions = std::move(result.predictions);
  return result.evaluation;
}

}  // namespace kones
