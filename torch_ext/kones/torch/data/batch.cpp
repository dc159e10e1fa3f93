#include "kones/torch/data/batch.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "kones/numeric/philox.h"

namespace kones {
namespace {

std::array<float, 256> byte_values() {
  std::array<float, 256> values;
  for (int byte = 0; byte < 256; ++byte)
    values[static_cast<size_t>(byte)] = static_cast<float>(2 * byte - 255) / 255.0f;
  return values;
}

struct Placement {
  int64_t down = 0;
  int64_t right = 0;
  bool mirrored = false;
};

Placement place(const Augmentation& augmentation, int64_t image) {
  const PhiloxBlock random =
      philox_block(RandomStream{augmentation.seed, augmentation.epoch}, static_cast<uint64_t>(image));
  const uint32_t positions = static_cast<uint32_t>(2 * augmentation.shift + 1);
  Placement placement;
  placement.down = static_cast<int64_t>(random.word[0] % positions) - augmentation.shift;
  placement.right = static_cast<int64_t>(random.word[1] % positions) - augmentation.shift;
  placement.mirrored = augmentation.flip && (random.word[2] & 1u) != 0;
  return placement;
}

}  // namespace

at::Tensor make_batch(const ImageSet& images, const int64_t* indices, int64_t count,
                      const Augmentation& augmentation) {
  static const std::array<float, 256> values = byte_values();
  const int64_t channels = images.channels;
  const int64_t height = images.height;
  const int64_t width = images.width;
  const int64_t image_bytes = channels * height * width;
  at::Tensor batch = torch::empty({count, channels, height, width});
  float* output = batch.data_ptr<float>();
  at::parallel_for(0, count, 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const uint8_t* source = images.pixels.data() + indices[n] * image_bytes;
      float* target = output + n * image_bytes;
      const Placement placement = place(augmentation, indices[n]);
      for (int64_t row = 0; row < channels * height; ++row) {
        const int64_t y = row % height - placement.down;
        const bool row_inside = y >= 0 && y < height;
        const uint8_t* line = row_inside ? source + (row - placement.down) * width : source;
        for (int64_t column = 0; column < width; ++column) {
          const int64_t unmirrored = placement.mirrored ? width - 1 - column : column;
          const int64_t x = unmirrored - placement.right;
          const uint8_t byte = row_inside && x >= 0 && x < width ? line[x] : uint8_t{0};
          target[row * width + column] = values[byte];
        }
      }
    }
  });
  return batch;
}

at::Tensor make_labels(const ImageSet& images, const int64_t* indices, int64_t count) {
  at::Tensor labels = torch::empty({count}, torch::kInt64);
  int64_t* output = labels.data_ptr<int64_t>();
  for (int64_t n = 0; n < count; ++n) output[n] = images.labels[static_cast<size_t>(indices[n])];
  return labels;
}

std::vector<int64_t> shuffled_indices(int64_t count, uint64_t seed) {
  std::vector<int64_t> indices = consecutive_indices(0, count);
  for (int64_t last = count - 1; last > 0; --last) {
    const PhiloxBlock random = philox_block(RandomStream{seed, 0}, static_cast<uint64_t>(last));
    const uint64_t word = (static_cast<uint64_t>(random.word[1]) << 32) | random.word[0];
    std::swap(indices[static_cast<size_t>(last)], indices[word % static_cast<uint64_t>(last + 1)]);
  }
  return indices;
}

std::vector<int64_t> consecutive_indices(int64_t first, int64_t count) {
  std::vector<int64_t> indices(static_cast<size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return indices;
}

}  // namespace kones
