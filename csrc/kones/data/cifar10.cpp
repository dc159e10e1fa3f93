#include "kones/data/cifar10.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <sstream>
#include <system_error>

#include "kones/data/byte_source.h"
#include "kones/error.h"
#include "kones/files/atomic_file.h"

namespace kones {
namespace {

constexpr int side = 32;
constexpr int channels = 3;
constexpr int classes = 10;
constexpr size_t image_bytes = size_t{channels} * side * side;
constexpr size_t record_bytes = 1 + image_bytes;

constexpr size_t max_class_names_bytes = 4096;
constexpr size_t max_class_name_length = 64;

int64_t count_records(const ByteSource& source) {
  const std::string path = source.path().string();
  if (source.is_gzip()) throw Error(path + " is compressed; decompress it first (gunzip)");
  const uint64_t bytes = source.max_bytes();
  if (bytes == 0) throw Error(path + " is empty; copy or download it again");
  if (bytes % record_bytes != 0) {
    const uint64_t whole = bytes / record_bytes;
    throw Error(path + " has " + std::to_string(bytes) + " bytes, no multiple of CIFAR-10's " +
                std::to_string(record_bytes) + ": record " + std::to_string(whole) + " (byte " +
                std::to_string(whole * record_bytes) + ") is cut off; copy or download it again");
  }
  return static_cast<int64_t>(bytes / record_bytes);
}

void read_record(ByteSource& source, int64_t record, uint8_t* label, uint8_t* pixels) {
  const auto where = [&] {
    return " in record " + std::to_string(record) + " (byte " +
           std::to_string(static_cast<uint64_t>(record) * record_bytes) + ")";
  };
  if (source.read(label, 1) != 1 || source.read(pixels, image_bytes) != image_bytes) {
    throw Error(source.path().string() + " ended" + where() +
                " while it was read; is another program writing it?");
  }
  if (*label >= classes) {
    throw Error(source.path().string() + " has the label " + std::to_string(*label) + where() +
                "; labels of 0 to 9 can be read: is it the binary version of CIFAR-10?");
  }
}

bool is_class_name(const std::string& line) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  return !line.empty() && line.size() <= max_class_name_length &&
         std::all_of(line.begin(), line.end(), printable);
}

}  // namespace

ImageSet read_cifar10_files(const std::vector<std::filesystem::path>& paths) {
  // Every file's size is checked before the first pixel is read.
  std::deque<ByteSource> sources;
  ImageSet set{0, channels, side, side, classes, {}, {}};
  for (const auto& path : paths) set.count += count_records(sources.emplace_back(path));
  set.pixels.resize(static_cast<size_t>(set.count) * image_bytes);
  set.labels.resize(static_cast<size_t>(set.count));
  uint8_t* pixels = set.pixels.data();
  uint8_t* label = set.labels.data();
  for (ByteSource& source : sources) {
    const int64_t records = count_records(source);
    for (int64_t record = 0; record < records; ++record) {
      read_record(source, record, label, pixels);
      pixels += image_bytes;
      ++label;
    }
  }
  return set;
}

ImageSet read_cifar10_split(const std::filesystem::path& folder, DatasetSplit split) {
  std::vector<std::string> names = {"test_batch.bin"};
  if (split == DatasetSplit::train) {
    names = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
             "data_batch_5.bin"};
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& name : names) {
    std::error_code ignored;
    paths.push_back(folder / name);
    if (!std::filesystem::exists(paths.back(), ignored)) {
      throw Error(folder.string() + " has no file " + name +
                  "; give the folder of CIFAR-10's binary version, cifar-10-batches-bin");
    }
  }
  return read_cifar10_files(paths);
}

std::vector<std::string> read_cifar10_class_names(const std::filesystem::path& folder) {
  const auto path = folder / "batches.meta.txt";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  }
  std::istringstream text(read_file(path, max_class_names_bytes));
  std::vector<std::string> names;
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (names.size() == classes && line.empty()) continue;
    if (names.size() == classes || !is_class_name(line)) {
      throw Error(path.string() + " has something else than a class name in line " + std::to_string(number) +
                  "; it takes ten lines of 1 to " + std::to_string(max_class_name_length) +
                  " printable ASCII characters");
    }
    names.push_back(line);
  }
  if (names.size() != classes) {
    throw Error(path.string() + " has " + std::to_string(names.size()) +
                " class names, and CIFAR-10 has ten; complete it or remove it");
  }
  return names;
}

}  // namespace kones
