#include "kones/torch/ops/quantize_all.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <torch/library.h>

#include "kones/torch/ops/arguments.h"
#include "kones/torch/ops/quantize.h"

namespace kones {
namespace ops {
namespace {

/// A task's elements.
constexpr int64_t task = int64_t{1} << 15;

void quantize_all_cpu(at::TensorList x, at::TensorList y, at::IntArrayRef format, std::string_view rounding,
                      at::IntArrayRef seeds, int64_t offset) {
  const auto [number_format, known] = check_quantize_all(x, y, format, rounding, seeds);
  std::vector<int64_t> end_task;  // of each tensor's tasks, counted over all
  int64_t tasks = 0;
  for (const at::Tensor& tensor : x) {
    tasks += (tensor.numel() + task - 1) / task;
    end_task.push_back(tasks);
  }
  at::parallel_for(
      0, tasks, 1, [&, number_format = number_format, known = known](int64_t begin, int64_t end) {
        for (int64_t number = begin; number < end; ++number) {
          const auto tensor = std::upper_bound(end_task.begin(), end_task.end(), number) - end_task.begin();
          const int64_t first = (number - (tensor == 0 ? 0 : end_task[tensor - 1])) * task;
          const int64_t count = std::min(task, x[tensor].numel() - first);
          const kernels::Quantization quantization = {
              number_format, known, {static_cast<uint64_t>(seeds[tensor]), static_cast<uint64_t>(offset)}};
          kernels::quantize(x[tensor].const_data_ptr<float>() + first,
                            y[tensor].mutable_data_ptr<float>() + first, count, quantization, first, {},
                            stores_of(y[tensor]));
        }
      });
}

}  // namespace
}  // namespace ops

void quantize_all(const std::vector<at::Tensor>& x, const std::vector<at::Tensor>& y,
                  const NumberFormat& format, Rounding rounding, const std::vector<uint64_t>& seeds,
                  uint64_t offset) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("kones::_quantize_all", "")
                             .typed<decltype(ops::quantize_all_cpu)>();
  const std::vector<int64_t> numbers = ops::format_numbers(format);
  const std::vector<int64_t> signed_seeds(seeds.begin(), seeds.end());
  op.call(x, y, numbers, rounding_name(rounding), signed_seeds, static_cast<int64_t>(offset));
}

TORCH_LIBRARY_FRAGMENT(kones, library) {
  library.def(
      "_quantize_all(Tensor[] x, Tensor(a!)[] y, int[] format, str rounding, int[] seeds, int offset) -> ()");
}
TORCH_LIBRARY_IMPL(kones, CPU, library) {
  library.impl("_quantize_all", &ops::quantize_all_cpu);
}

}  // namespace kones
