// The convolution of signs and the packing on a CUDA device, for ResNet-18's 3x3 layers: microseconds, one
// JSON object a line, in the words of xnor_cuda_model.py, which predicts them. usage: cuda_xnor_benchmark
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <vector>

#include "benchmarks/device_timing.h"
#include <cuda_runtime_api.h>

#include "kones/cuda/pack_signs.h"
#include "kones/cuda/xnor_conv2d.h"

namespace {

using kones::BFloat16;
using kones::check;
using kones::DeviceBytes;

struct Layer {
  int64_t size;
  int64_t channels;
};

void report(const Layer& layer, int64_t batch, const char* operation, const std::function<void()>& run) {
  const double microseconds = 1000.0 * kones::median_milliseconds(run, 10);
  std::printf("{\"layer\": \"%ldx%ldx%ld\", \"batch\": %ld, \"operation\": \"%s\", \"microseconds\": %.2f}\n",
              static_cast<long>(layer.size), static_cast<long>(layer.size), static_cast<long>(layer.channels),
              static_cast<long>(batch), operation, microseconds);
}

/// Bytes that look random: of words of signs and of numbers alike, the values hardly matter to the time.
void fill(const DeviceBytes& memory, size_t bytes) {
  std::vector<uint32_t> words(bytes / 4);
  uint32_t state = 1;
  for (uint32_t& word : words) {
    state = state * 1664525u + 1013904223u;
    word = (state ^ state >> 15) & 0x3FFF3FFFu;  // two finite numbers of 16 bits
  }
  check(cudaMemcpy(memory.as<uint32_t>(), words.data(), bytes, cudaMemcpyHostToDevice));
}

void measure(const Layer& layer, int64_t batch) {
  kones::XnorShape shape;
  shape.batch = batch;
  shape.in_channels = shape.out_channels = layer.channels;
  shape.in_height = shape.in_width = layer.size;
  shape.kernel_height = shape.kernel_width = 3;
  shape.padding_height = shape.padding_width = 1;
  const int64_t pixels = layer.size * layer.size;
  const auto values = static_cast<size_t>(batch * pixels * layer.channels);
  const auto weights = static_cast<size_t>(9 * layer.channels * layer.channels / 8);
  const auto channel_bytes = static_cast<size_t>(4 * layer.channels);

  const DeviceBytes x(values / 8), weight_words(weights), y(2 * values), words(values / 8),
      parameters(3 * channel_bytes), prepacked(static_cast<size_t>(shape.prepacked_bytes()));
  fill(x, values / 8);
  fill(weight_words, weights);
  fill(y, 2 * values);
  check(cudaMemset(parameters.as<void>(), 0, 3 * channel_bytes));
  kones::cuda::xnor_prepack(weight_words.as<uint64_t>(), shape, prepacked.as<void>(), nullptr);

  kones::XnorOutput<BFloat16> bits;
  bits.words = words.as<uint64_t>();
  bits.thresholds = {parameters.as<int32_t>(), parameters.as<uint8_t>() + channel_bytes};
  report(layer, batch, "bits to bits",
         [&] { kones::cuda::xnor_conv2d(x.as<uint64_t>(), prepacked.as<void>(), shape, {}, bits, nullptr); });

  const kones::SignLayout layout = kones::SignLayout::channels_last(batch, pixels, layer.channels);
  report(layer, batch, "pack bfloat16",
         [&] { kones::cuda::pack_signs(y.as<BFloat16>(), layout, words.as<uint64_t>(), nullptr, nullptr); });

  kones::XnorOutput<BFloat16> numbers;
  numbers.values = y.as<BFloat16>();
  numbers.batch_stride = layout.batch_stride;
  numbers.pixel_stride = layout.pixel_stride;
  numbers.channel_stride = layout.channel_stride;
  kones::XnorEpilogue epilogue;
  epilogue.scale = parameters.as<float>();
  epilogue.bias = parameters.as<float>() + layer.channels;
  report(layer, batch, "bits to bfloat16", [&] {
    kones::cuda::xnor_conv2d(x.as<uint64_t>(), prepacked.as<void>(), shape, epilogue, numbers, nullptr);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    std::fprintf(stderr, "usage: %s\n", argv[0]);
    return 2;
  }
  try {
    for (const int64_t batch : {1, 32, 256}) {
      for (const Layer& layer : {Layer{56, 64}, Layer{28, 128}, Layer{14, 256}, Layer{7, 512}})
        measure(layer, batch);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
  return 0;
}
