// kones::xnor_conv2d_prepacked against LibTorch's convolutions by oneDNN with prepacked weights, in turn, as
// a C++ program calls them: through the dispatcher, batch 1, from float32 channels last to float32 channels
// last (bfloat16 and quantized tensors for the other two). The layers are ResNet-18's of 3x3. xnor_layers.py
// has more layers and peers, from Python. Prints Markdown. usage: xnor_layers_benchmark [THREADS];
// KONES_CPU_TIER, and ONEDNN_MAX_CPU_ISA with ATEN_CPU_CAPABILITY, choose instruction sets.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "benchmarks/interleaved.h"
#include <ATen/Parallel.h>
#include <ATen/native/quantized/PackedParams.h>
#include <torch/torch.h>

#include "kones/kernels/cpu_tier.h"
#include "kones/torch/ops/xnor_conv2d.h"

namespace {

using kones::benchmarks::Timing;

struct Layer {
  int64_t size;
  int64_t inputs;
  int64_t outputs;
  int64_t stride;
};

const Layer layers[] = {{56, 64, 64, 1},  {28, 128, 128, 1}, {14, 256, 256, 1}, {7, 512, 512, 1},
                        {56, 64, 128, 2}, {28, 128, 256, 2}, {14, 256, 512, 2}};

/// The operands of a layer; x has zeros of both signs.
struct Operands {
  explicit Operands(const Layer& layer)
      : x(at::randn({1, layer.inputs, layer.size, layer.size}).contiguous(at::MemoryFormat::ChannelsLast)),
        weight(at::randn({layer.outputs, layer.inputs, 3, 3})),
        scale(at::rand({layer.outputs}) + 0.5),
        bias(at::randn({layer.outputs})),
        stride({layer.stride, layer.stride}) {
    x.permute({0, 2, 3, 1}).view(-1).slice(0, 0, x.numel(), 7).fill_(0.0);
    x.permute({0, 2, 3, 1}).view(-1).slice(0, 0, x.numel(), 11).fill_(-0.0);
  }

  at::Tensor x;
  at::Tensor weight;
  at::Tensor scale;
  at::Tensor bias;
  std::vector<int64_t> stride;
  std::vector<int64_t> ones = {1, 1};
};

using Call = std::function<void()>;

Call xnor(const Operands& o) {
  const at::Tensor prepacked = kones::xnor_prepack(o.weight);
  const int64_t outputs = o.weight.size(0);
  const auto signs = [](const at::Tensor& t) { return at::where(t < 0, -1.0, 1.0).to(at::kDouble); };
  const at::Tensor sums = at::conv2d(signs(o.x), signs(o.weight), {}, o.stride, o.ones).to(at::kFloat);
  const at::Tensor expected = sums * o.scale.view({1, -1, 1, 1}) + o.bias.view({1, -1, 1, 1});
  const auto convolve = [o, prepacked, outputs] {
    return kones::xnor_conv2d_prepacked(o.x, prepacked, outputs, {3, 3}, o.scale, o.bias, o.stride, o.ones);
  };
  if (!at::equal(convolve(), expected))
    throw std::runtime_error("kones' values differ from those of conv2d of the signs");
  return [convolve] { convolve(); };
}

Call one_dnn(const Operands& o, at::ScalarType type) {
  using Pointwise = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                               at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view,
                               c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise", "").typed<Pointwise>();
  const at::Tensor x = o.x.to(type);
  const at::Tensor bias = o.bias.to(type);
  const at::Tensor prepacked =
      at::mkldnn_reorder_conv2d_weight(o.weight.to(type).to_mkldnn(), o.ones, o.stride, o.ones, 1, x.sizes());
  const Call call = [=] {
    op.call(x, prepacked, bias, o.ones, o.stride, o.ones, 1, "none", c10::List<std::optional<at::Scalar>>(),
            "");
  };
  call();
  return call;
}

/// Of quantized tensors; zero points are 0, the quickest.
Call int8(const Operands& o) {
  at::globalContext().setQEngine(at::QEngine::ONEDNN);
  const at::Tensor scales = o.weight.abs().amax({1, 2, 3}).to(at::kDouble) / 127;
  const at::Tensor weight =
      at::quantize_per_channel(o.weight, scales, at::zeros({o.weight.size(0)}, at::kLong), 0, at::kQInt8);
  using Packed = c10::intrusive_ptr<ConvPackedParamsBase<2>>;
  using Prepack = Packed(at::Tensor, std::optional<at::Tensor>, c10::List<int64_t>, c10::List<int64_t>,
                         c10::List<int64_t>, int64_t);
  const auto list = [](const std::vector<int64_t>& values) { return c10::List<int64_t>(values); };
  const Packed packed = c10::Dispatcher::singleton()
                            .findSchemaOrThrow("quantized::conv2d_prepack", "")
                            .typed<Prepack>()
                            .call(weight, o.bias, list(o.stride), list(o.ones), list(o.ones), 1);
  using Convolve = at::Tensor(at::Tensor, const Packed&, double, int64_t);
  const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("quantized::conv2d", "new").typed<Convolve>();
  const at::Tensor x = at::quantize_per_tensor(o.x, o.x.abs().max().item<double>() / 255, 0, at::kQUInt8);
  const double scale = at::conv2d(o.x, o.weight, o.bias, o.stride, o.ones).abs().max().item<double>() / 255;
  const Call call = [=] { op.call(x, packed, scale, 0); };
  call();
  return call;
}

struct Peer {
  const char* name;
  std::function<Call(const Operands&)> make;
};

/// Geometric means over layers of the rounds' ratios.
struct Means {
  std::vector<double> logarithms;
  int count = 0;

  void add(const Timing& ours, const Timing& theirs) {
    logarithms.resize(ours.rounds.size());
    for (std::size_t i = 0; i < ours.rounds.size(); ++i)
      logarithms[i] += std::log(theirs.rounds[i] / ours.rounds[i]);
    ++count;
  }
  void print() const {
    std::vector<double> means;
    for (const double sum : logarithms) means.push_back(std::exp(sum / count));
    std::sort(means.begin(), means.end());
    std::printf(" %.2f (%.2f .. %.2f) |", means[means.size() / 2], means.front(), means.back());
  }
};

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  if (threads < 1 || argc > 2) {
    std::fprintf(stderr, "usage: %s [THREADS]\n", argv[0]);
    return 2;
  }
  try {
    at::set_num_threads(threads);
    at::manual_seed(1);
    const torch::InferenceMode inference;
    const std::vector<Peer> peers = {
        {"float32", [](const Operands& o) { return one_dnn(o, at::kFloat); }},
        {"bfloat16", [](const Operands& o) { return one_dnn(o, at::kBFloat16); }},
        {"int8", int8}};
    std::printf(
        "tier %s, ATen %s, %d thread(s); kones' values are those of conv2d of the signs in float64\n\n",
        std::string(kones::kernels::cpu_tier_name(kones::kernels::cpu_tier())).c_str(),
        at::get_cpu_capability().c_str(), threads);
    std::printf("| us; times as long as kones: median (range) | kones | float32 | bfloat16 | int8 |\n");
    std::printf("|---|---:|---:|---:|---:|\n");
    std::vector<Means> means[2];
    for (auto& of_stride : means) of_stride.resize(peers.size());
    for (const Layer& layer : layers) {
      const Operands operands(layer);
      std::vector<Call> calls = {xnor(operands)};
      std::vector<bool> present;
      for (const Peer& peer : peers) {
        try {
          calls.push_back(peer.make(operands));
          present.push_back(true);
        } catch (const std::exception& error) {  // bfloat16 wants AVX-512
          present.push_back(false);
          const std::string reason = error.what();
          std::fprintf(stderr, "%s left out: %s\n", peer.name, reason.substr(0, reason.find('\n')).c_str());
        }
      }
      const std::vector<Timing> timings = kones::benchmarks::interleave(calls, 7, 100, 100e-6);
      std::printf("| %lldx%lldx%lld to %lld, stride %lld | %.1f |", static_cast<long long>(layer.size),
                  static_cast<long long>(layer.size), static_cast<long long>(layer.inputs),
                  static_cast<long long>(layer.outputs), static_cast<long long>(layer.stride),
                  1e6 * timings[0].seconds);
      std::size_t place = 1;
      for (std::size_t i = 0; i < peers.size(); ++i) {
        if (!present[i]) {
          std::printf(" |");
          continue;
        }
        const Timing& theirs = timings[place++];
        const kones::benchmarks::Ratio ratio = kones::benchmarks::ratio(timings[0], theirs);
        std::printf(" %.1f; %.2f (%.2f .. %.2f) |", 1e6 * theirs.seconds, ratio.median, ratio.least,
                    ratio.most);
        means[layer.stride - 1][i].add(timings[0], theirs);
      }
      std::printf("\n");
      std::fflush(stdout);
    }
    for (int stride = 1; stride <= 2; ++stride) {
      std::printf("| geometric mean, stride %d | |", stride);
      for (const Means& mean : means[stride - 1]) {
        if (mean.count > 0) {
          mean.print();
        } else {
          std::printf(" |");
        }
      }
      std::printf("\n");
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "xnor_layers_benchmark: %s\n", error.what());
    return 1;
  }
  return 0;
}
