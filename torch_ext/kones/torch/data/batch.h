// Batches of pictures as tensors: shuffled, moved, mirrored, turned, zoomed, and their bytes in [-1, 1].
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kones/data/dataset.h"

namespace kones {

/// Random changes to a picture, drawn anew each epoch.
struct Augmentation {
  int64_t shift = 0;  ///< moves by up to so many pixels each way
  bool flip = false;  ///< mirrors left and right, half of the time
  uint64_t seed = 0;
  uint64_t epoch = 0;
  double rotation = 0.0;  ///< turns about the middle by up to so many degrees each way
  double zoom = 0.0;      ///< scales by a factor between 1 - zoom and 1 + zoom
  bool edge = false;      ///< what comes in from outside repeats the picture's edge; if not, it is black
};

/// float32 [indices.size(), channels, height, width] in [-1, 1]: byte b becomes (2 b - 255) / 255;
/// turned and scaled pictures are interpolated bilinearly. Every index is in 0 .. images.count - 1. What
/// happens to a picture depends on its index, the seed and the epoch alone.
at::Tensor make_batch(const ImageSet& images, const int64_t* indices, int64_t count,
                      const Augmentation& augmentation = {});

/// int64 [count]: the labels at `indices`.
at::Tensor make_labels(const ImageSet& images, const int64_t* indices, int64_t count);

/// The numbers 0 .. count - 1 in a random order that depends on `seed` alone (Fisher and Yates' shuffle).
std::vector<int64_t> shuffled_indices(int64_t count, uint64_t seed);

/// The numbers first .. first + count - 1.
std::vector<int64_t> consecutive_indices(int64_t first, int64_t count);

}  // namespace kones
