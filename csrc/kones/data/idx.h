// IDX, the file format of MNIST and Fashion-MNIST (LeCun, Cortes and Burges, "The MNIST database of
// handwritten digits"): a magic number 00 00 <type> <dimensions>, the sizes as big-endian 32-bit integers,
// then the values in row-major order. Type 08 is the unsigned byte, the only one that these data sets use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "kones/data/image_set.h"

namespace kones {

/// Grey images of height x width bytes.
struct IdxImages {
  int64_t count = 0;
  int height = 0;
  int width = 0;
  std::vector<uint8_t> pixels;  ///< [count][height][width]
};

/// The images of an IDX file (magic 0x00000803), plain or gzip: at least one, sides of 1 to 32768. Nothing is
/// allocated for sizes that the file cannot hold. Throws Error for anything but exactly such a file.
IdxImages read_idx_images(const std::filesystem::path& path);

/// The labels of an IDX file (magic 0x00000801), plain or gzip: at least one, each below `classes`. Throws
/// Error for anything but exactly such a file.
std::vector<uint8_t> read_idx_labels(const std::filesystem::path& path, int classes);

/// A split of a folder in MNIST's layout, of ten classes: {train,t10k}-images-idx3-ubyte and
/// {train,t10k}-labels-idx1-ubyte, also with a dot before "idx", also with .gz at the end. Where a folder has
/// several of these, an uncompressed one is read. Throws Error for missing and bad files, and if the counts
/// differ.
ImageSet read_idx_split(const std::filesystem::path& folder, DatasetSplit split);

}  // namespace kones
