// Images with one label each, in memory, as the bytes of the data set's own files.
#pragma once

#include <cstdint>
#include <vector>

namespace kones {

/// One split of a data set: `count` images of channels x height x width bytes, and as many labels.
struct ImageSet {
  int64_t count = 0;
  int channels = 0;
  int height = 0;
  int width = 0;
  int classes = 0;
  std::vector<uint8_t> pixels;  ///< [count][channels][height][width]
  std::vector<uint8_t> labels;  ///< [count], each 0..classes-1
};

enum class DatasetSplit { train, test };

/// The most bytes that a data file may have, as it lies on the disk and decompressed: 4 GiB.
inline constexpr uint64_t max_data_file_bytes = uint64_t{4} << 30;

}  // namespace kones
