#include "kones/torch/nn/binary_kernel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <mutex>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "kones/error.h"
#include "kones/torch/ops/xnor_gradient.h"

namespace kones::nn {
namespace {

BinaryKernel kernel_from_environment() {
  const char* name = std::getenv("KONES_BINARY_KERNEL");
  const std::string wanted = name == nullptr || *name == '\0' ? "auto" : name;
  if (wanted == "auto") return BinaryKernel::automatic;
  if (wanted == "packed") return BinaryKernel::packed;
  if (wanted == "libtorch") return BinaryKernel::libtorch;
  throw Error("KONES_BINARY_KERNEL is \"" + wanted + "\"; it takes auto, packed or libtorch");
}

std::atomic<BinaryKernel>& current_kernel() {
  static std::atomic<BinaryKernel> kernel{kernel_from_environment()};
  return kernel;
}

at::Tensor multiply_packed(const Signs& x, const Signs& weight, const ConvolutionGeometry& geometry) {
  if (x.numbers.dim() == 4) {
    const bool channels_last = x.numbers.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
    return ops::xnor_conv2d_words(x.words, weight.words, x.numbers.size(1), {}, {}, geometry.stride,
                                  geometry.padding, geometry.dilation, geometry.groups, at::kFloat,
                                  channels_last);
  }
  // Rows are the pixels of one picture.
  const at::Tensor picture = x.words.unsqueeze(0).unsqueeze(0);
  const at::Tensor kernel = weight.words.unsqueeze(1).unsqueeze(1);
  const at::Tensor y = ops::xnor_conv2d_words(picture, kernel, x.numbers.size(1), {}, {}, {1, 1}, {0, 0},
                                              {1, 1}, 1, at::kFloat, true);
  return y.squeeze(2).squeeze(0).t();
}

at::Tensor multiply_by_libtorch(const Signs& x, const Signs& weight, const ConvolutionGeometry& geometry) {
  if (x.numbers.dim() == 2) return at::linear(x.numbers, weight.numbers);
  return at::conv2d(x.numbers, weight.numbers, {}, geometry.stride, geometry.padding, geometry.dilation,
                    geometry.groups);
}

/// What a measurement holds for.
using Key = std::vector<int64_t>;

Key key_of(const Signs& x, const Signs& weight, const ConvolutionGeometry& geometry) {
  Key key = {static_cast<int64_t>(x.numbers.device().type()), x.numbers.device().index(),
             at::get_num_threads(), static_cast<int64_t>(x.numbers.suggest_memory_format()), geometry.groups};
  for (const at::IntArrayRef part :
       {x.numbers.sizes(), weight.numbers.sizes(), at::IntArrayRef(geometry.stride),
        at::IntArrayRef(geometry.padding), at::IntArrayRef(geometry.dilation)}) {
    key.insert(key.end(), part.begin(), part.end());
  }
  return key;
}

std::string description_of(const Signs& x, const Signs& weight) {
  const auto product = [](at::IntArrayRef sizes) {
    std::string text;
    for (const int64_t size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
    return text;
  };
  return product(x.numbers.sizes()) + " by " + product(weight.numbers.sizes());
}

/// Seconds of one call.
double seconds_of(const at::Tensor& x, const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  const auto wait = [&x] {
    if (x.is_cuda()) torch::cuda::synchronize(x.device().index());
  };
  wait();
  const Clock::time_point start = Clock::now();
  call();
  wait();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Choices {
  std::mutex mutex;
  std::map<Key, bool> packed;
  std::vector<BinaryKernelChoice> untold;
};

Choices& choices() {
  static Choices instance;
  return instance;
}

bool packed_is_faster(const Signs& x, const Signs& weight, const ConvolutionGeometry& geometry) {
  Choices& known = choices();
  const Key key = key_of(x, weight, geometry);
  const std::lock_guard<std::mutex> lock(known.mutex);
  const auto found = known.packed.find(key);
  if (found != known.packed.end()) return found->second;
  BinaryKernelChoice choice;
  choice.shape = description_of(x, weight);
  // The shortest of several calls in turn, the first of which warm: what else the machine does falls on both.
  constexpr int calls = 7;
  choice.packed_seconds = choice.libtorch_seconds = std::numeric_limits<double>::infinity();
  for (int i = 0; i < calls; ++i) {
    const double packed = seconds_of(x.numbers, [&] { multiply_packed(x, weight, geometry); });
    const double libtorch = seconds_of(x.numbers, [&] { multiply_by_libtorch(x, weight, geometry); });
    if (i == 0) continue;
    choice.packed_seconds = std::min(choice.packed_seconds, packed);
    choice.libtorch_seconds = std::min(choice.libtorch_seconds, libtorch);
  }
  choice.packed = choice.packed_seconds <= choice.libtorch_seconds;
  known.packed.emplace(key, choice.packed);
  known.untold.push_back(choice);
  return choice.packed;
}

}  // namespace

BinaryKernel binary_kernel() {
  return current_kernel();
}

void set_binary_kernel(BinaryKernel kernel) {
  current_kernel() = kernel;
}

std::vector<BinaryKernelChoice> take_binary_kernel_choices() {
  Choices& known = choices();
  const std::lock_guard<std::mutex> lock(known.mutex);
  return std::exchange(known.untold, {});
}

at::Tensor multiply_signs(const Signs& x, const Signs& weight, const ConvolutionGeometry& geometry) {
  torch::NoGradGuard no_gradient;
  const BinaryKernel kernel = binary_kernel();
  const bool packed = kernel == BinaryKernel::packed ||
                      (kernel == BinaryKernel::automatic && packed_is_faster(x, weight, geometry));
  return packed ? multiply_packed(x, weight, geometry) : multiply_by_libtorch(x, weight, geometry);
}

}  // namespace kones::nn
