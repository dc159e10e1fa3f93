#include "kones/torch/exporting/export.h"

#include <cmath>

#include <torch/torch.h>

#include "kones/engine/engine.h"
#include "kones/error.h"
#include "kones/torch/exporting/activation_format.h"
#include "kones/torch/exporting/fold_batch_norm.h"
#include "kones/torch/train/run_config.h"
#include "kones/torch/train/trained_network.h"
#include "kones/version.h"

namespace kones {
namespace {

constexpr int32_t input_multiplier = 2;
constexpr int32_t input_offset = -255;
constexpr int32_t input_divisor = 255;

/// Builds a package's network block by block. `unit` is what an integer of the tensor that comes next stands
/// for.
class NetworkWriter {
 public:
  NetworkWriter(const Topology& topology, package::Network& network) : network_(network) {
    network_.input = {0, input_multiplier, input_offset, input_divisor};
    add_tensor(package::Tensor::integer("input", static_cast<uint32_t>(topology.channels),
                                        static_cast<uint32_t>(topology.height),
                                        static_cast<uint32_t>(topology.width)));
  }

  void add_block(const Block& block, double largest) {
    add_weights(block);
    if (block.shape.max_pool > 1) add_pooling(block);
    add_norm(block, largest);
  }

  void finish() { network_.output = current(); }

 private:
  uint32_t current() const { return static_cast<uint32_t>(network_.tensors.size() - 1); }

  void add_tensor(package::Tensor tensor) { network_.tensors.push_back(std::move(tensor)); }

  void add_layer(std::string name, package::Tensor output, package::Operation operation) {
    const uint32_t input = current();
    add_tensor(std::move(output));
    network_.layers.push_back({std::move(name), {input}, current(), std::move(operation)});
  }

  package::Weights weights_of(const Block& block) {
    const nn::WeightQuantizer& quantizer = block.weight()->quantizer();
    if (!quantizer.format) {
      throw Error(block.name +
                  " cannot be exported: its weights are float32; train with a method that quantizes them");
    }
    const at::Tensor quantized = block.weight()->forward().detach().to(torch::kFloat64).contiguous();
    const double* values = quantized.data_ptr<double>();
    package::Weights weights;
    weights.format = *quantizer.format;
    weights.outputs = static_cast<uint32_t>(quantized.size(0));
    weights.inputs = static_cast<uint32_t>(quantized.numel() / quantized.size(0));
    for (int64_t i = 0; i < quantized.numel(); ++i) {
      const double level = std::ldexp(values[i], weights.format.fraction_bits());
      if (!(std::fabs(level) <= weights.format.max_level()) || level != std::trunc(level)) {
        throw Error(block.name + " cannot be exported: weight " + std::to_string(i) + " is no level of " +
                    weights.format.name());
      }
      weights.levels.push_back(static_cast<int32_t>(level));
    }
    unit_ = std::ldexp(unit_, -weights.format.fraction_bits());
    return weights;
  }

  void add_weights(const Block& block) {
    const package::Tensor& input = network_.tensors.back();
    const std::string name = block.name + ".accumulator";
    const uint32_t outputs = static_cast<uint32_t>(block.shape.outputs);
    if (block.conv.is_empty()) {
      add_layer(block.name, package::Tensor::integer(name, outputs), package::Linear{weights_of(block)});
      return;
    }
    const nn::QuantizedConv2dOptions& options = block.conv->options();
    package::Conv2d conv;
    conv.weights = weights_of(block);
    conv.kernel_height = conv.kernel_width = static_cast<uint32_t>(options.kernel_size);
    conv.stride_height = conv.stride_width = static_cast<uint32_t>(options.stride);
    conv.padding_height = conv.padding_width = static_cast<uint32_t>(options.padding);
    conv.dilation_height = conv.dilation_width = static_cast<uint32_t>(options.dilation);
    conv.groups = static_cast<uint32_t>(options.groups);
    const auto extent = [&options](uint32_t size) {
      const int64_t reach = options.dilation * (options.kernel_size - 1);
      return static_cast<uint32_t>((size + 2 * options.padding - reach - 1) / options.stride + 1);
    };
    package::Tensor output =
        package::Tensor::integer(name, outputs, extent(input.height), extent(input.width));
    add_layer(block.name, std::move(output), std::move(conv));
  }

  void add_pooling(const Block& block) {
    const package::Tensor& input = network_.tensors.back();
    const uint32_t window = static_cast<uint32_t>(block.shape.max_pool);
    package::MaxPool2d pool;
    pool.kernel_height = pool.kernel_width = pool.stride_height = pool.stride_width = window;
    package::Tensor output = package::Tensor::integer(block.name + ".pooled", input.channels,
                                                      input.height / window, input.width / window);
    add_layer(block.name + ".pool", std::move(output), pool);
  }

  void add_norm(const Block& block, double largest) {
    const package::Tensor input = network_.tensors.back();
    const std::string name = block.name + ".output";
    const at::Tensor gamma = block.norm_weight().to(torch::kFloat64);
    const at::Tensor beta = block.norm_bias().to(torch::kFloat64);
    const at::Tensor mean = block.norm_mean().to(torch::kFloat64);
    const at::Tensor variance = block.norm_variance().to(torch::kFloat64);
    const auto channel_map = [&](int64_t c) {
      return fold_norm({gamma[c].item<double>(), beta[c].item<double>(), mean[c].item<double>(),
                        variance[c].item<double>(), block.norm_options().eps()},
                       unit_);
    };
    const auto place = [&block](int64_t c) { return block.name + ", channel " + std::to_string(c); };
    if (!block.activation.is_empty() && block.activation->kind() == nn::ActivationKind::sign) {
      package::Threshold threshold;
      for (int64_t c = 0; c < block.shape.outputs; ++c) append_threshold(channel_map(c), place(c), threshold);
      add_layer(block.name + ".sign", package::Tensor::sign(name, input.channels, input.height, input.width),
                std::move(threshold));
      unit_ = 1.0;
      return;
    }
    const bool is_output = block.activation.is_empty();
    const int bits = is_output ? output_bits : activation_bits;
    const int fraction_bits = fraction_bits_for(largest, bits, is_output);
    package::Requantize requantize;
    for (int64_t c = 0; c < block.shape.outputs; ++c) {
      append_requantize(channel_map(c), fraction_bits, place(c), requantize);
    }
    add_layer(block.name + ".requantize",
              package::Tensor::fixed_point(name, input.channels, input.height, input.width, bits, is_output,
                                           fraction_bits),
              std::move(requantize));
    unit_ = std::ldexp(1.0, -fraction_bits);
  }

  package::Network& network_;
  double unit_ = 1.0 / input_divisor;
};

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

package::Package export_package(const std::filesystem::path& run_folder) {
  torch::NoGradGuard no_gradient;
  const RunConfig config = read_config({run_folder});
  const TrainedNetwork trained = load_trained_network(run_folder);
  package::Network network;
  network.name = config.model + "-" + config.method;
  network.model = config.model;
  network.method = config.method;
  // The folder that the pictures lay in is this machine's own affair.
  network.dataset = config.dataset.substr(0, config.dataset.find(':'));
  network.class_names = trained.class_names;
  NetworkWriter writer(trained.network->topology(), network);
  const std::vector<Block>& blocks = trained.network->blocks();
  for (size_t i = 0; i < blocks.size(); ++i) writer.add_block(blocks[i], trained.largest[i]);
  writer.finish();
  add_golden_vectors(trained, network);
  return {std::string("kones ") + version, {std::move(network)}};
}

}  // namespace kones
