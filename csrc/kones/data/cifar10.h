// The binary version of CIFAR-10 (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009):
// records of one label byte and 3072 pixel bytes, 32x32 red, then green, then blue, each in row-major order.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kones/data/image_set.h"

namespace kones {

/// The records of one or more files, one file after the other. A file has at least one record, and may have
/// fewer than the 10,000 of the real set. Throws Error for a file that is not a whole number of records, and
/// for a label above 9.
ImageSet read_cifar10_files(const std::vector<std::filesystem::path>& paths);

/// A split of the folder of the binary version: data_batch_1.bin to data_batch_5.bin, or test_batch.bin.
/// Throws Error.
ImageSet read_cifar10_split(const std::filesystem::path& folder, DatasetSplit split);

/// The ten class names: the lines of batches.meta.txt in `folder`, or the names of the real set if there is
/// no such file. Throws Error for a file that is not ten lines of 1 to 64 printable ASCII characters (empty
/// lines may follow).
std::vector<std::string> read_cifar10_class_names(const std::filesystem::path& folder);

}  // namespace kones
