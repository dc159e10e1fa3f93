#include <algorithm>

#include "kones/cuda/elementwise.cuh"
#include "kones/cuda/quantize_all.h"

namespace kones::cuda {
namespace {

constexpr int tensors_of_launch = 64;
constexpr int threads = 256;
/// Vectors that a thread of quantize_all_kernel takes.
constexpr int turns = 4;
constexpr int64_t elements_of_block = int64_t{threads} * turns * vector_elements<float>;

/// What a launch is given: 2.5 KB of the 4 KB that parameters may take.
struct TensorTable {
  TensorToQuantize tensor[tensors_of_launch];
  int64_t end_block[tensors_of_launch];  ///< of each tensor's blocks, counted over all
  int count;
};

/// One block takes elements_of_block elements of one tensor.
template <typename Quantizer>
__global__ void __launch_bounds__(threads)
    quantize_all_kernel(const TensorTable table, uint64_t offset, Quantizer quantize) {
  int number = 0;
  while (static_cast<int64_t>(blockIdx.x) >= table.end_block[number]) ++number;
  const TensorToQuantize tensor = table.tensor[number];
  const int64_t first_block = number == 0 ? 0 : table.end_block[number - 1];
  const PhiloxKeys keys = philox_keys({tensor.seed, offset});
  const int64_t begin = (static_cast<int64_t>(blockIdx.x) - first_block) * elements_of_block;
  const bool aligned =
      (reinterpret_cast<uintptr_t>(tensor.x) | reinterpret_cast<uintptr_t>(tensor.y)) % 16 == 0;
#pragma unroll 1
  for (int turn = 0; turn < turns; ++turn) {
    const int64_t first = begin + vector_elements<float> * (int64_t{threads} * turn + threadIdx.x);
    if (first >= tensor.count) return;
    const int64_t left = tensor.count - first;
    const int valid = left < vector_elements<float> ? static_cast<int>(left) : vector_elements<float>;
    const bool whole = aligned && valid == vector_elements<float>;
    const ElementVector<float> values = load_vector(tensor.x, first, valid, whole);
    store_vector(quantize_vector(values, first, keys, quantize), tensor.y, first, valid, whole);
  }
}

}  // namespace

void quantize_all(const std::vector<TensorToQuantize>& tensors, const NumberFormat& format, Rounding rounding,
                  uint64_t offset, Stream stream) {
  with_quantizer(format, rounding, [&](auto quantizer) {
    TensorTable table = {};
    int64_t blocks = 0;
    const auto launch_table = [&] {
      if (table.count == 0) return;
      launch("quantize_all", quantize_all_kernel<decltype(quantizer)>, dim3(static_cast<unsigned>(blocks)),
             dim3(threads), 0, stream, table, offset, quantizer);
      table.count = 0;
      blocks = 0;
    };
    for (const TensorToQuantize& tensor : tensors) {
      if (tensor.count == 0) continue;
      const int64_t own = (tensor.count + elements_of_block - 1) / elements_of_block;
      constexpr int64_t max_blocks = (int64_t{1} << 31) - 1;
      if (table.count == tensors_of_launch || blocks + own > max_blocks) launch_table();
      table.tensor[table.count] = tensor;
      blocks += own;
      table.end_block[table.count++] = blocks;
    }
    launch_table();
  });
}

}  // namespace kones::cuda
