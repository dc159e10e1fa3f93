#include "kones/engine/engine.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <variant>

#include "kones/engine/binary_layer.h"
#include "kones/engine/multiply_accumulate.h"
#include "kones/engine/threads.h"
#include "kones/error.h"
#include "kones/package/validate.h"

namespace kones::engine {
namespace {

using package::Conv2d;
using package::Linear;
using package::MaxPool2d;
using package::Network;
using package::Requantize;
using package::Tensor;
using package::Threshold;

/// The outputs o along one axis whose source o * stride + offset lies within 0 .. size - 1: begin .. end - 1.
struct Span {
  int64_t begin;
  int64_t end;
};

Span sources_inside(int64_t outputs, int64_t stride, int64_t offset, int64_t size) {
  const int64_t begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t end = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
  return {std::min(begin, outputs), std::max(std::min(end, outputs), std::min(begin, outputs))};
}

using BinaryLayers = std::vector<std::optional<BinaryLayer>>;

/// One thread's memory: the tensors of one image, and the windows of some output pixels laid out as rows.
class ImageRun {
 public:
  ImageRun(const Network& network, const BinaryLayers& binary_layers)
      : network_(network), binary_layers_(binary_layers), tensors_(network.tensors.size()) {
    for (std::size_t index = 0; index < tensors_.size(); ++index) {
      tensors_[index].resize(network.tensors[index].elements());
    }
  }

  const std::vector<std::vector<int32_t>>& tensors() const { return tensors_; }

  void compute(const uint8_t* image) {
    std::vector<int32_t>& input = tensors_[network_.input.tensor];
    for (std::size_t index = 0; index < input.size(); ++index) {
      input[index] =
          static_cast<int32_t>(int64_t{network_.input.multiplier} * image[index] + network_.input.offset);
    }
    for (std::size_t index = 0; index < network_.layers.size(); ++index) {
      const package::Layer& layer = network_.layers[index];
      const Tensor& from = network_.tensors[layer.inputs[0]];
      const Tensor& to = network_.tensors[layer.output];
      const int32_t* source = tensors_[layer.inputs[0]].data();
      int32_t* target = tensors_[layer.output].data();
      if (binary_layers_[index]) {
        binary_layers_[index]->compute(source, target, words_);
        continue;
      }
      std::visit([&](const auto& operation) { compute(operation, from, to, source, target); },
                 layer.operation);
    }
  }

  int32_t prediction() const {
    const std::vector<int32_t>& output = tensors_[network_.output];
    return static_cast<int32_t>(std::max_element(output.begin(), output.end()) - output.begin());
  }

 private:
  void compute(const Linear& linear, const Tensor&, const Tensor&, const int32_t* source, int32_t* target) {
    multiply_accumulate(linear.weights.levels.data(), linear.weights.outputs, source, 1,
                        linear.weights.inputs, target, 1);
  }

  void compute(const Conv2d& conv, const Tensor& from, const Tensor& to, const int32_t* source,
               int32_t* target) {
    const int64_t inputs = conv.weights.inputs;
    const int64_t outputs_of_group = to.channels / conv.groups;
    const int64_t channels_of_group = from.channels / conv.groups;
    // As many windows at a time as stay in the second-level cache together with some weights.
    constexpr int64_t window_integers = 1 << 15;
    const int64_t pixels_at_once =
        std::min(std::max<int64_t>(window_integers / inputs / 4 * 4, 4), to.pixels());
    if (windows_.size() < static_cast<std::size_t>(pixels_at_once * inputs))
      windows_.resize(pixels_at_once * inputs);
    for (int64_t group = 0; group < conv.groups; ++group) {
      const int32_t* group_source = source + group * channels_of_group * from.pixels();
      const int32_t* levels = conv.weights.levels.data() + group * outputs_of_group * inputs;
      int32_t* group_target = target + group * outputs_of_group * to.pixels();
      for (int64_t first = 0; first < to.pixels(); first += pixels_at_once) {
        const int64_t count = std::min(pixels_at_once, to.pixels() - first);
        for (int64_t pixel = 0; pixel < count; ++pixel) {
          copy_window(conv, from, (first + pixel) / to.width, (first + pixel) % to.width, channels_of_group,
                      group_source, windows_.data() + pixel * inputs);
        }
        multiply_accumulate(levels, outputs_of_group, windows_.data(), count, inputs, group_target + first,
                            to.pixels());
      }
    }
  }

  /// The window of output pixel (y, x) as one row in the weights' order; what lies in the padding is 0.
  static void copy_window(const Conv2d& conv, const Tensor& from, int64_t y, int64_t x, int64_t channels,
                          const int32_t* source, int32_t* row) {
    const int64_t top = y * conv.stride_height - conv.padding_height;
    const int64_t left = x * conv.stride_width - conv.padding_width;
    const Span columns = sources_inside(conv.kernel_width, conv.dilation_width, left, from.width);
    for (int64_t channel = 0; channel < channels; ++channel, source += from.pixels()) {
      for (int64_t ky = 0; ky < conv.kernel_height; ++ky, row += conv.kernel_width) {
        const int64_t from_y = top + ky * conv.dilation_height;
        if (from_y < 0 || from_y >= from.height) {
          std::fill_n(row, conv.kernel_width, 0);
          continue;
        }
        const int32_t* line = source + from_y * from.width;
        std::fill(row, row + columns.begin, 0);
        for (int64_t kx = columns.begin; kx < columns.end; ++kx)
          row[kx] = line[left + kx * conv.dilation_width];
        std::fill(row + columns.end, row + conv.kernel_width, 0);
      }
    }
  }

  static void compute(const MaxPool2d& pool, const Tensor& from, const Tensor& to, const int32_t* source,
                      int32_t* target) {
    std::fill_n(target, to.elements(), std::numeric_limits<int32_t>::min());
    for (int64_t channel = 0; channel < to.channels;
         ++channel, source += from.pixels(), target += to.pixels()) {
      for (int64_t ky = 0; ky < pool.kernel_height; ++ky) {
        const int64_t down = ky - int64_t{pool.padding_height};
        const Span rows = sources_inside(to.height, pool.stride_height, down, from.height);
        for (int64_t kx = 0; kx < pool.kernel_width; ++kx) {
          const int64_t right = kx - int64_t{pool.padding_width};
          const Span columns = sources_inside(to.width, pool.stride_width, right, from.width);
          for (int64_t y = rows.begin; y < rows.end; ++y) {
            const int32_t* line = source + (y * pool.stride_height + down) * from.width;
            int32_t* largest = target + y * to.width;
            for (int64_t x = columns.begin; x < columns.end; ++x) {
              largest[x] = std::max(largest[x], line[x * pool.stride_width + right]);
            }
          }
        }
      }
    }
  }

  static void compute(const Requantize& requantize, const Tensor& from, const Tensor& to,
                      const int32_t* source, int32_t* target) {
    const int64_t smallest = to.is_signed ? -(int64_t{1} << (to.bits - 1)) : 0;
    const int64_t largest = smallest + (int64_t{1} << to.bits) - 1;
    for (int64_t channel = 0; channel < from.channels; ++channel) {
      const int64_t multiplier = requantize.multiplier[channel];
      const int64_t addend = requantize.addend[channel];
      const int shift = requantize.shift[channel];
      for (int64_t pixel = 0; pixel < from.pixels(); ++pixel) {
        const int64_t shifted = (*source++ * multiplier + addend) >> shift;
        *target++ = static_cast<int32_t>(std::min(std::max(shifted, smallest), largest));
      }
    }
  }

  static void compute(const Threshold& threshold, const Tensor& from, const Tensor&, const int32_t* source,
                      int32_t* target) {
    for (int64_t channel = 0; channel < from.channels; ++channel) {
      // x <= t is -x >= -t; in 64 bits neither overflows.
      const int64_t direction = threshold.rising[channel] != 0 ? 1 : -1;
      const int64_t least = direction * threshold.threshold[channel];
      for (int64_t pixel = 0; pixel < from.pixels(); ++pixel)
        *target++ = direction * *source++ >= least ? 1 : -1;
    }
  }

  const Network& network_;
  const BinaryLayers& binary_layers_;
  std::vector<std::vector<int32_t>> tensors_;
  std::vector<int32_t> windows_;
  std::vector<uint64_t> words_;
};

/// Computes `count` images on the threads, and gives each one's tensors to `store`.
void run_images(const Network& network, const BinaryLayers& binary_layers, int threads, const uint8_t* images,
                int64_t image_bytes, int64_t count,
                const std::function<void(int64_t image, const ImageRun& run)>& store) {
  // A few images at a time, so that the threads end together.
  ChunkQueue queue(count, std::clamp<int64_t>(count / (8 * int64_t{threads}), 1, 64));
  run_on_threads(static_cast<int>(std::min<int64_t>(threads, count)), [&] {
    ImageRun run(network, binary_layers);
    int64_t begin = 0;
    int64_t end = 0;
    while (queue.take(begin, end)) {
      for (int64_t image = begin; image < end; ++image) {
        run.compute(images + image * image_bytes);
        store(image, run);
      }
    }
  });
}

}  // namespace

Engine::Engine(const package::Network& network, int threads) : network_(network), threads_(threads) {
  package::validate(network_);
  if (threads_ < 0)
    throw Error("the engine was asked for " + std::to_string(threads_) + " threads; 0 takes all");
  for (const package::Layer& layer : network_.layers) {
    std::optional<BinaryLayer>& binary_layer = binary_layers_.emplace_back();
    if (BinaryLayer::is_one(network_, layer)) binary_layer.emplace(network_, layer);
  }
  if (threads_ == 0) threads_ = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int64_t Engine::input_bytes() const {
  return network_.tensors[network_.input.tensor].elements();
}

std::vector<int32_t> Engine::predict(const uint8_t* images, int64_t count) const {
  std::vector<int32_t> predictions(count);
  run_images(network_, binary_layers_, threads_, images, input_bytes(), count,
             [&](int64_t image, const ImageRun& run) { predictions[image] = run.prediction(); });
  return predictions;
}

std::vector<std::vector<int32_t>> Engine::all_integers(const uint8_t* images, int64_t count) const {
  std::vector<std::vector<int32_t>> integers(network_.tensors.size());
  for (std::size_t index = 0; index < integers.size(); ++index) {
    integers[index].resize(count * network_.tensors[index].elements());
  }
  run_images(network_, binary_layers_, threads_, images, input_bytes(), count,
             [&](int64_t image, const ImageRun& run) {
               for (std::size_t index = 0; index < integers.size(); ++index) {
                 const std::vector<int32_t>& of_image = run.tensors()[index];
                 std::copy(of_image.begin(), of_image.end(),
                           integers[index].begin() + image * of_image.size());
               }
             });
  return integers;
}

}  // namespace kones::engine
