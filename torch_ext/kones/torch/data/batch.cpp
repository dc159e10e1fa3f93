#include "kones/torch/data/batch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "kones/numeric/philox.h"

namespace kones {
namespace {

/// Of every byte b, (2 b - 255) / 255.
const std::array<float, 256> byte_values = [] {
  std::array<float, 256> values;
  for (int byte = 0; byte < 256; ++byte)
    values[static_cast<size_t>(byte)] = static_cast<float>(2 * byte - 255) / 255.0f;
  return values;
}();

struct Placement {
  int64_t down = 0;
  int64_t right = 0;
  bool mirrored = false;
  double degrees = 0.0;
  double scale = 1.0;
};

/// In [-1, 1).
double signed_unit(uint32_t word) {
  return static_cast<double>(word) * 0x1p-31 - 1.0;
}

Placement place(const Augmentation& augmentation, int64_t image) {
  // A stream of its own for turning and scaling: shifts and mirrors do not depend on whether there are any.
  const auto block = [&](uint64_t stream) {
    return philox_block(RandomStream{augmentation.seed + stream, augmentation.epoch},
                        static_cast<uint64_t>(image));
  };
  const PhiloxBlock random = block(0);
  const uint32_t positions = static_cast<uint32_t>(2 * augmentation.shift + 1);
  Placement placement;
  placement.down = static_cast<int64_t>(random.word[0] % positions) - augmentation.shift;
  placement.right = static_cast<int64_t>(random.word[1] % positions) - augmentation.shift;
  placement.mirrored = augmentation.flip && (random.word[2] & 1u) != 0;
  if (augmentation.rotation > 0.0 || augmentation.zoom > 0.0) {
    const PhiloxBlock more = block(1);
    placement.degrees = augmentation.rotation * signed_unit(more.word[0]);
    placement.scale = 1.0 + augmentation.zoom * signed_unit(more.word[1]);
  }
  return placement;
}

struct Plane {
  int64_t height;
  int64_t width;
  bool edge;  ///< what lies outside repeats the edge; if not, it is byte 0

  /// The value at a place, which may lie outside.
  float at(const uint8_t* pixels, int64_t y, int64_t x) const {
    if (edge) {
      y = std::clamp<int64_t>(y, 0, height - 1);
      x = std::clamp<int64_t>(x, 0, width - 1);
    } else if (y < 0 || y >= height || x < 0 || x >= width) {
      return byte_values[0];
    }
    return byte_values[pixels[y * width + x]];
  }
};

void shift_plane(const uint8_t* source, const Plane& plane, const Placement& placement, float* target) {
  for (int64_t row = 0; row < plane.height; ++row) {
    for (int64_t column = 0; column < plane.width; ++column) {
      const int64_t unmirrored = placement.mirrored ? plane.width - 1 - column : column;
      *target++ = plane.at(source, row - placement.down, unmirrored - placement.right);
    }
  }
}

/// Every pixel of the result is looked up where it comes from: moved back, scaled and turned about the middle
/// the other way.
void turn_plane(const uint8_t* source, const Plane& plane, const Placement& placement, float* target) {
  const double radians = placement.degrees * std::acos(-1.0) / 180.0;
  const double along = std::cos(radians) / placement.scale;
  const double across = std::sin(radians) / placement.scale;
  const double middle_y = static_cast<double>(plane.height - 1) / 2.0;
  const double middle_x = static_cast<double>(plane.width - 1) / 2.0;
  for (int64_t row = 0; row < plane.height; ++row) {
    for (int64_t column = 0; column < plane.width; ++column) {
      const int64_t unmirrored = placement.mirrored ? plane.width - 1 - column : column;
      const double dy = static_cast<double>(row - placement.down) - middle_y;
      const double dx = static_cast<double>(unmirrored - placement.right) - middle_x;
      const double y = along * dy - across * dx + middle_y;
      const double x = across * dy + along * dx + middle_x;
      const auto top = static_cast<int64_t>(std::floor(y));
      const auto left = static_cast<int64_t>(std::floor(x));
      const auto below = static_cast<float>(y - static_cast<double>(top));
      const auto beside = static_cast<float>(x - static_cast<double>(left));
      const float upper =
          (1 - beside) * plane.at(source, top, left) + beside * plane.at(source, top, left + 1);
      const float lower =
          (1 - beside) * plane.at(source, top + 1, left) + beside * plane.at(source, top + 1, left + 1);
      *target++ = (1 - below) * upper + below * lower;
    }
  }
}

}  // namespace

at::Tensor make_batch(const ImageSet& images, const int64_t* indices, int64_t count,
                      const Augmentation& augmentation) {
  const int64_t plane_size = images.height * images.width;
  const int64_t image_size = images.channels * plane_size;
  const Plane plane = {images.height, images.width, augmentation.edge};
  const bool turns = augmentation.rotation > 0.0 || augmentation.zoom > 0.0;
  at::Tensor batch = torch::empty({count, images.channels, images.height, images.width});
  float* output = batch.data_ptr<float>();
  at::parallel_for(0, count, 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const Placement placement = place(augmentation, indices[n]);
      for (int64_t channel = 0; channel < images.channels; ++channel) {
        const uint8_t* source = images.pixels.data() + indices[n] * image_size + channel * plane_size;
        float* target = output + n * image_size + channel * plane_size;
        (turns ? turn_plane : shift_plane)(source, plane, placement, target);
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
