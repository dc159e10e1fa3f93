#include "kones/data/idx.h"

#include <array>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include "kones/data/byte_source.h"
#include "kones/error.h"

namespace kones {
namespace {

constexpr uint32_t labels_magic = 0x00000801;
constexpr uint32_t images_magic = 0x00000803;
constexpr uint32_t max_side = 32768;
constexpr int mnist_classes = 10;

std::string hexadecimal(uint32_t magic) {
  std::array<char, 11> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", static_cast<unsigned>(magic));
  return text.data();
}

const char* contents_of(uint32_t magic) {
  return magic == labels_magic ? "labels" : "images";
}

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | uint32_t{bytes[3]};
}

void check_magic(const ByteSource& source, uint32_t magic, uint32_t expected) {
  if (magic == expected) return;
  const std::string path = source.path().string();
  const std::string wanted = std::string(contents_of(expected)) + " (" + hexadecimal(expected) + ")";
  if (magic == labels_magic || magic == images_magic) {
    throw Error(path + " holds " + contents_of(magic) + " (magic number " + hexadecimal(magic) + ") where " +
                wanted + " belong; are the files of images and labels exchanged?");
  }
  throw Error(path + " is no IDX file of " + contents_of(expected) + ": it starts with " +
              hexadecimal(magic) + " where " + hexadecimal(expected) + " belongs");
}

// The sizes of the file's dimensions. A file of wrong kind is told by its magic number even if it is also too
// short.
template <size_t Dimensions>
std::array<uint32_t, Dimensions> read_header(ByteSource& source, uint32_t magic) {
  std::array<uint8_t, 4 + 4 * Dimensions> header{};
  const size_t found = source.read(header.data(), header.size());
  if (found >= 4) check_magic(source, big_endian(header.data()), magic);
  if (found < header.size()) {
    throw Error(source.path().string() + " ends at byte " + std::to_string(found) +
                ", within its header of " + std::to_string(header.size()) +
                " bytes; copy or download it again");
  }
  std::array<uint32_t, Dimensions> sizes{};
  for (size_t dimension = 0; dimension < Dimensions; ++dimension) {
    sizes[dimension] = big_endian(header.data() + 4 + 4 * dimension);
  }
  if (sizes[0] == 0)
    throw Error(source.path().string() + " holds no " + contents_of(magic) + ": its count is 0");
  return sizes;
}

// The bytes after the header, which must be exactly the rest of the file.
std::vector<uint8_t> read_values(ByteSource& source, size_t header_bytes, uint64_t value_bytes) {
  const std::string path = source.path().string();
  const std::string needed = std::to_string(header_bytes + value_bytes) + " bytes";
  const std::string decompressed = source.is_gzip() ? " decompressed" : "";
  if (header_bytes + value_bytes > source.max_bytes()) {
    throw Error(path + " is too short: its header asks for " + needed + decompressed + ", and it holds " +
                (source.is_gzip() ? "at most " : "") + std::to_string(source.max_bytes()) +
                "; copy or download it again");
  }
  std::vector<uint8_t> values(value_bytes);
  const size_t found = source.read(values.data(), values.size());
  if (found < values.size()) {
    throw Error(path + " is too short: its header asks for " + needed + decompressed + ", and it holds " +
                std::to_string(header_bytes + found) + "; copy or download it again");
  }
  uint8_t beyond = 0;
  if (source.read(&beyond, 1) != 0) {
    throw Error(path + " goes on after its last value, at byte " +
                std::to_string(header_bytes + value_bytes) + decompressed +
                ": its header and its data do not belong together; copy or download it again");
  }
  return values;
}

// The file whose name is `name` in one of MNIST's spellings, such as train-images + idx3-ubyte.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::string& name,
                                const std::string& type) {
  for (const char* ending : {"", ".gz"}) {
    for (const char* separator : {"-", "."}) {
      const auto path = folder / (name + separator + type + ending);
      std::error_code ignored;
      if (std::filesystem::exists(path, ignored)) return path;
    }
  }
  throw Error(folder.string() + " has no file " + name + "-" + type + ", nor one with .gz at the end");
}

}  // namespace

IdxImages read_idx_images(const std::filesystem::path& path) {
  ByteSource source(path);
  const auto [count, height, width] = read_header<3>(source, images_magic);
  if (height == 0 || height > max_side || width == 0 || width > max_side) {
    throw Error(path.string() + " has images of " + std::to_string(height) + "x" + std::to_string(width) +
                " pixels; sides of 1 to " + std::to_string(max_side) + " can be read");
  }
  // At most 2^32 * 2^15 * 2^15: this product cannot overflow.
  const uint64_t bytes = uint64_t{count} * height * width;
  IdxImages images{count, static_cast<int>(height), static_cast<int>(width), {}};
  images.pixels = read_values(source, 16, bytes);
  return images;
}

std::vector<uint8_t> read_idx_labels(const std::filesystem::path& path, int classes) {
  ByteSource source(path);
  const auto [count] = read_header<1>(source, labels_magic);
  std::vector<uint8_t> labels = read_values(source, 8, count);
  for (size_t index = 0; index < labels.size(); ++index) {
    if (labels[index] >= classes) {
      throw Error(path.string() + " has the label " + std::to_string(labels[index]) + " for image " +
                  std::to_string(index) + " (byte " + std::to_string(8 + index) + "); labels of 0 to " +
                  std::to_string(classes - 1) + " can be read");
    }
  }
  return labels;
}

ImageSet read_idx_split(const std::filesystem::path& folder, DatasetSplit split) {
  const std::string prefix = split == DatasetSplit::train ? "train" : "t10k";
  const auto images_path = find_file(folder, prefix + "-images", "idx3-ubyte");
  const auto labels_path = find_file(folder, prefix + "-labels", "idx1-ubyte");
  IdxImages images = read_idx_images(images_path);
  std::vector<uint8_t> labels = read_idx_labels(labels_path, mnist_classes);
  if (static_cast<uint64_t>(images.count) != labels.size()) {
    throw Error(images_path.string() + " has " + std::to_string(images.count) + " images and " +
                labels_path.string() + " " + std::to_string(labels.size()) +
                " labels; they do not belong together");
  }
  return {images.count,     1, images.height, images.width, mnist_classes, std::move(images.pixels),
          std::move(labels)};
}

}  // namespace kones
